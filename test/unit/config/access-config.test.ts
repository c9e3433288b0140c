import { describe, expect, test } from 'vitest';
import { isPrincipal } from '../../../src/config/access-config.ts';
import { readConfiguration } from '../../../src/config/configuration.ts';

const sha256 = 'a'.repeat(64);
const read = (file: unknown, environment: Record<string, string> = {}) => {
  const outcome = readConfiguration(environment, () => JSON.stringify(file));
  return outcome.ok ? outcome.configuration.file : outcome.problems.join('\n');
};

describe('B58: an address that other machines can reach', () => {
  test('is refused without authentication, with a message that explains how to turn it on', () => {
    for (const HOST of ['0.0.0.0', '::', '192.0.2.1', 'example.com', '127.0.0.1.example.com']) {
      const problems = read({}, { HOST });
      expect(problems).toContain(`auth.mode: authentication is off, and other machines can reach HOST ${HOST}.`);
      expect(problems).toContain('runtape token <principal>');
    }
    for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
      expect(read({}, { HOST })).toMatchObject({ auth: { mode: 'none' } });
  });

  test('is accepted with authentication', () => {
    const auth = { mode: 'tokens', tokens: [{ sha256, principal: 'ada', scopes: ['read'] }] };
    expect(read({ auth }, { HOST: '0.0.0.0' })).toMatchObject({ auth });
  });
});

describe('problems are reported with their path', () => {
  const entry = { sha256, principal: 'ada', scopes: ['read'] };
  const jwt = { mode: 'jwt', issuer: 'i', audience: 'a' };
  test.each<[unknown, RegExp]>([
    [{ auth: { mode: 'basic' } }, /auth\.mode: must be "none", "tokens" or "jwt", not "basic"/],
    [{ auth: { mode: 'tokens', tokens: [] } }, /auth\.tokens: must have at least one entry\. `runtape token/],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, sha256: 'secret' }] } },
      /auth\.tokens\.0\.sha256: must be the SHA-256/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, scopes: ['root'] }] } },
      /auth\.tokens\.0\.scopes\.0: must be "read", .*, not "root"/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, principal: '' }] } },
      /auth\.tokens\.0\.principal: "" must have 1 to 200 characters/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, principal: 'ada ' }] } },
      /auth\.tokens\.0\.principal: "ada " must have .* without blanks at its ends/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, principal: 'a\0' }] } },
      /auth\.tokens\.0\.principal: "a\\u0000" must have .* without control characters/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, expiresAt: 'tomorrow' }] } },
      /expiresAt: must be a time with a time zone, such as .*, not "tomorrow"/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, scopes: ['approve', 'approve:any'] }] } },
      /auth\.tokens\.0\.scopes: "approve:any" also needs "read" and "approve"/,
    ],
    [
      { approvals: { separateApprover: true } },
      /approvals\.separateApprover: needs a second principal, but auth\.mode is "none"/,
    ],
    [
      { auth: { mode: 'tokens', tokens: [entry] }, approvals: { separateApprover: true } },
      /approvals\.separateApprover: .*no token has the scope "approve:any"/,
    ],
    [
      {
        auth: { mode: 'tokens', tokens: [entry] },
        budgets: [
          { appliesTo: 'run', tokens: 1, onLimit: 'ask' },
          { appliesTo: 'agent', tokens: 1, onLimit: 'ask' },
        ],
      },
      /budgets\.1\.onLimit: .*no token has the scope "approve:any"/,
    ],
    [{ auth: jwt }, /auth\.jwksUrl: set exactly one of "jwksUrl" and "publicKey"/],
    [{ auth: { ...jwt, publicKey: 'abc' } }, /auth\.publicKey: must be a public key in PEM form$/],
    [
      { auth: { ...jwt, jwksUrl: 'https://x', algorithm: 'HS256' } },
      /auth\.algorithm: must be "RS256", .*, not "HS256"/,
    ],
    [
      { cors: { origins: ['https://app.example.com/'] } },
      /cors\.origins\.0: must be an origin \(scheme, host and port\) such as .*, not "https:\/\/app\.example\.com\/"/,
    ],
    [{ cors: { origins: ['*'] } }, /cors\.origins\.0: must be an origin .*, not "\*"/],
    [{ cors: { origins: ['https://'] } }, /cors\.origins\.0: must be an origin .*, not "https:\/\/"/],
    [{ cors: { origins: ['ftp://http:80'] } }, /cors\.origins\.0: must be an origin/],
    [{ traffic: { pointsPerMinute: 0 } }, /traffic\.pointsPerMinute: must be greater than 0, not 0/],
  ])('%j', (file, pattern) => {
    expect(read(file)).toMatch(pattern);
  });
});

test('origins have the scheme http or https', () => {
  const cors = { origins: ['http://127.0.0.1:8080', 'https://app.example.com'] };
  expect(read({ cors })).toMatchObject({ cors });
});

test('the name of a principal has up to 200 characters, and is a text', () => {
  expect(isPrincipal('x'.repeat(200))).toBe(true);
  expect(isPrincipal('x'.repeat(201))).toBe(false);
  expect(isPrincipal(5)).toBe(false);
  for (const hidden of ['\u009b31m', '\u2028', '\u202e', '\u2066']) expect(isPrincipal(`a${hidden}b`)).toBe(false);
});

describe('a second principal approves', () => {
  const approvals = { separateApprover: true };

  test('where one token may approve the calls of others, or tokens are signed elsewhere', () => {
    const tokens = [
      { sha256, principal: 'ada', scopes: ['read'] },
      { sha256: 'b'.repeat(64), principal: 'eve', scopes: ['read', 'approve', 'approve:any'] },
    ];
    const jwt = { mode: 'jwt', issuer: 'i', audience: 'a', jwksUrl: 'https://keys.example.com' };
    expect(read({ auth: { mode: 'tokens', tokens }, approvals })).toMatchObject({ approvals });
    expect(read({ auth: jwt, approvals })).toMatchObject({ approvals });
  });

  test('nowhere else, and the problem says what to do', () => {
    expect(read({ approvals })).toContain('Set auth.mode to "tokens" or "jwt", or set separateApprover to false');
    const tokens = [{ sha256, principal: 'ada', scopes: ['read'] }];
    expect(read({ auth: { mode: 'tokens', tokens }, approvals })).toContain(
      '`runtape token <principal> read,approve,approve:any` prints a token that has it',
    );
  });
});

describe.each([
  ['RUNTAPE_SECRET_KEY', 'secretKey'],
  ['RUNTAPE_SIGNING_KEY', 'signingKey'],
] as const)('%s', (variable, name) => {
  const secretKeyOf = (text: string) => {
    const outcome = readConfiguration({ [variable]: text }, () => null);
    return outcome.ok ? outcome.configuration[name] : outcome.problems.join('\n');
  };

  test('is 32 bytes in base64, and optional', () => {
    expect(secretKeyOf(Buffer.alloc(32, 1).toString('base64'))).toEqual(Buffer.alloc(32, 1));
    expect(secretKeyOf('')).toBeNull();
  });

  test('is refused otherwise, without showing the value', () => {
    for (const wrong of ['a password', Buffer.alloc(31, 1).toString('base64'), 'f'.repeat(64)]) {
      const problem = secretKeyOf(wrong);
      expect(problem).toContain(`${variable}: must be 32 random bytes in base64`);
      expect(problem).not.toContain(wrong);
    }
  });
});
