import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

const sha256 = 'a'.repeat(64);
const read = (file: unknown, environment: Record<string, string> = {}) => {
  const outcome = readConfiguration(environment, () => JSON.stringify(file));
  return outcome.ok ? outcome.configuration.file : outcome.problems.join('\n');
};

describe('B58: an address that others can reach', () => {
  test('is refused without accounts, and it is said how to make them', () => {
    for (const HOST of ['0.0.0.0', '::', '192.0.2.1', 'example.com', '127.0.0.1.example.com']) {
      const said = read({}, { HOST });
      expect(said).toContain(`HOST ${HOST} can be reached from outside`);
      expect(said).toContain('runtape token <principal>');
    }
    for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
      expect(read({}, { HOST })).toMatchObject({ auth: { mode: 'none' } });
  });

  test('is taken with them', () => {
    const auth = { mode: 'tokens', tokens: [{ sha256, principal: 'ada', scopes: ['read'] }] };
    expect(read({ auth }, { HOST: '0.0.0.0' })).toMatchObject({ auth });
  });
});

describe('what is wrong is said with its place', () => {
  const entry = { sha256, principal: 'ada', scopes: ['read'] };
  const jwt = { mode: 'jwt', issuer: 'i', audience: 'a' };
  test.each<[unknown, RegExp]>([
    [{ auth: { mode: 'basic' } }, /auth\.mode/],
    [{ auth: { mode: 'tokens', tokens: [] } }, /auth\.tokens: needs at least one entry; `runtape token/],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, sha256: 'secret' }] } },
      /auth\.tokens\.0\.sha256: must be the SHA-256/,
    ],
    [{ auth: { mode: 'tokens', tokens: [{ ...entry, scopes: ['root'] }] } }, /auth\.tokens\.0\.scopes\.0/],
    [{ auth: { mode: 'tokens', tokens: [{ ...entry, principal: ' ' }] } }, /auth\.tokens\.0\.principal/],
    [{ auth: { mode: 'tokens', tokens: [{ ...entry, expiresAt: 'tomorrow' }] } }, /must be an instant like/],
    [
      { auth: { mode: 'tokens', tokens: [{ ...entry, scopes: ['approve', 'approve:any'] }] } },
      /auth\.tokens\.0\.scopes: `approve:any` says whose/,
    ],
    [{ approvals: { separateApprover: true } }, /approvals\.separateApprover: .*auth\.mode is "none"/],
    [
      { auth: { mode: 'tokens', tokens: [entry] }, approvals: { separateApprover: true } },
      /approvals\.separateApprover: .*no token has the scope approve:any/,
    ],
    [{ auth: jwt }, /auth\.jwksUrl: give `jwksUrl` or `publicKey`, and not both/],
    [{ auth: { ...jwt, publicKey: 'abc' } }, /auth\.publicKey: must be a public key as PEM/],
    [{ auth: { ...jwt, jwksUrl: 'https://x', algorithm: 'HS256' } }, /auth\.algorithm/],
    [{ cors: { origins: ['https://app.example.com/'] } }, /cors\.origins\.0: must be an origin like/],
    [{ cors: { origins: ['*'] } }, /cors\.origins\.0/],
    [{ traffic: { pointsPerMinute: 0 } }, /traffic\.pointsPerMinute/],
  ])('%j', (file, pattern) => {
    expect(read(file)).toMatch(pattern);
  });
});

describe('RUNTAPE_SECRET_KEY', () => {
  const secretKeyOf = (text: string) => {
    const outcome = readConfiguration({ RUNTAPE_SECRET_KEY: text }, () => null);
    return outcome.ok ? outcome.configuration.secretKey : outcome.problems.join('\n');
  };

  test('is 32 bytes in base64, and may be left out', () => {
    expect(secretKeyOf(Buffer.alloc(32, 1).toString('base64'))).toEqual(Buffer.alloc(32, 1));
    expect(secretKeyOf('')).toBeNull();
  });

  test('is refused otherwise, and not shown', () => {
    for (const wrong of ['a password', Buffer.alloc(31, 1).toString('base64'), 'f'.repeat(64)]) {
      const said = secretKeyOf(wrong);
      expect(said).toMatch(/^RUNTAPE_SECRET_KEY: must be 32 random bytes in base64/);
      expect(said).not.toContain(wrong);
    }
  });
});
