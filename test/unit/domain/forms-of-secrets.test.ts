import { describe, expect, test } from 'vitest';
import { holdsPlaceholder, maskJson, maskText } from '../../../src/domain/secrets/mask.ts';

/** Letters and digits, so that no word or number stands out. */
const letters = (count: number) => 'a1B2c3D4e5F6g7H8'.repeat(Math.ceil(count / 16)).slice(0, count);
const upper = (count: number) => 'A2B3C4D5E6F7G2H3'.repeat(Math.ceil(count / 16)).slice(0, count);

/** Text that has the form of a credential from this number of characters on. */
const prefixes: [kind: string, prefix: string, least: number, most: number][] = [
  ['api key', 'sk-', 20, 200],
  ['api key', 'sk-ant-', 20, 200],
  ['api key', 'sk-proj-', 20, 200],
  ['api key', 'sk-live-', 20, 200],
  ['api key', 'sk-or-v1-', 20, 200],
  ['payment key', 'sk_live_', 16, 200],
  ['payment key', 'sk_test_', 16, 200],
  ['payment key', 'rk_live_', 16, 200],
  ['github token', 'ghp_', 36, 251],
  ['github token', 'gho_', 36, 251],
  ['github token', 'ghu_', 36, 251],
  ['github token', 'ghs_', 36, 251],
  ['github token', 'ghr_', 36, 251],
  ['github token', 'github_pat_', 40, 251],
  ['gitlab token', 'glpat-', 20, 100],
  ['slack token', 'xoxb-', 10, 250],
  ['slack token', 'xoxp-', 10, 250],
  ['huggingface token', 'hf_', 30, 60],
];

describe.each(prefixes)('%s %s', (kind, prefix, least, most) => {
  test(`is masked from ${least} characters on`, () => {
    expect(maskText(`${prefix}${letters(least)}`)).toBe(`[masked ${kind}]`);
    expect(maskText(`key ${prefix}${letters(most)}.`)).toBe(`key [masked ${kind}].`);
    const short = `${prefix}${letters(least - 1)}`;
    // A shorter prefix of another form may cover the rest.
    if (prefix.length <= 4) expect(maskText(short)).toBe(short);
  });

  test('is part of a longer word otherwise', () => {
    const inWord = `task${prefix}${letters(least)}`;
    expect(maskText(inWord)).toBe(inWord);
  });
});

describe('tokens of a fixed length', () => {
  test.each([
    ['runtape token', 'rt_', letters(43), '-'],
    ['google key', 'AIza', letters(35), '-'],
    ['aws key', 'AKIA', upper(16), 'A'],
    ['aws key', 'ASIA', upper(16), 'A'],
    ['npm token', 'npm_', letters(36), 'x'],
  ])('%s %s', (kind, prefix, rest, more) => {
    expect(maskText(`(${prefix}${rest})`)).toBe(`([masked ${kind}])`);
    for (const other of [`${prefix}${rest.slice(1)}`, `${prefix}${rest}${more}`, `x${prefix}${rest}`]) {
      expect(maskText(other)).toBe(other);
    }
  });
});

test('a token may contain dashes and underscores where its form allows them', () => {
  expect(maskText(`rt_${letters(41)}-_`)).toBe('[masked runtape token]');
  expect(maskText(`sk-${letters(18)}-_`)).toBe('[masked api key]');
  expect(maskText(`glpat-${letters(18)}-_`)).toBe('[masked gitlab token]');
  expect(maskText(`github_pat_${letters(39)}_`)).toBe('[masked github token]');
  expect(maskText(`xoxb-${letters(8)}-1`)).toBe('[masked slack token]');
  expect(maskText(`AIza${letters(33)}-_`)).toBe('[masked google key]');
});

describe('a private key', () => {
  const body = `${letters(60)}\n${letters(60)}+/==\n`;
  test.each(['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'OPENSSH PRIVATE KEY'])(
    '%s is masked as a whole',
    (name) => {
      expect(maskText(`key:\n-----BEGIN ${name}-----\n${body}-----END ${name}-----\nend`)).toBe(
        'key:\n[masked private key]\nend',
      );
      const escaped = `-----BEGIN ${name}-----\\n${letters(60)}\\n-----END ${name}-----\\n`;
      expect(maskText(escaped)).toBe('[masked private key]\\n');
    },
  );

  test('is masked without its end, and a public key is not', () => {
    expect(maskText(`-----BEGIN PRIVATE KEY-----\n${letters(60)}`)).toBe('[masked private key]');
    const publicKey = `-----BEGIN PUBLIC KEY-----\n${body}-----END PUBLIC KEY-----`;
    expect(maskText(publicKey)).toBe(publicKey);
  });
});

test('a JSON web token needs three parts', () => {
  const token = `eyJ${letters(8)}.eyJ${letters(6)}-_.${letters(6)}-_`;
  expect(maskText(`token ${token}, ok`)).toBe('token [masked json web token], ok');
  for (const other of [
    `eyJ${letters(8)}.eyJ${letters(8)}`,
    `eyJ${letters(7)}.eyJ${letters(8)}.${letters(8)}`,
    `x${token}`,
  ]) {
    expect(maskText(other)).toBe(other);
  }
});

describe('a password in a URL', () => {
  test.each([
    ['postgres://ada:abc@db/x', 'postgres://ada:[masked password]@db/x'],
    ['redis://:s3cret@cache', 'redis://:[masked password]@cache'],
    ['git+ssh://ada:abc@db', 'git+ssh://ada:[masked password]@db'],
    ['HTTPS://ADA:SECRET@DB', 'HTTPS://ADA:[masked password]@DB'],
    ['x-1.a://ada:abc:d@db', 'x-1.a://ada:[masked password]@db'],
  ])('%s becomes %s', (text, masked) => expect(maskText(text)).toBe(masked));

  test.each(['postgres://ada:ab@db', 'postgres://ada@db', 'https://db:5432/a@b', 'https://db/x:abc@y', 'ada:abc@db'])(
    '%s has none',
    (text) => expect(maskText(text)).toBe(text),
  );
});

describe('an authorization', () => {
  test.each(['Bearer', 'bearer', 'Basic', 'BASIC  '])('%s is followed by a secret', (scheme) => {
    expect(maskText(`Authorization: ${scheme} ${letters(14)}==`)).toBe(
      `Authorization: ${scheme} [masked authorization]`,
    );
  });

  test.each([`bearer ${letters(15)}`, `Bearer ${'a'.repeat(20)}`, `forbearer ${letters(16)}`, `bearer${letters(16)}`])(
    '%s has none',
    (text) => expect(maskText(text)).toBe(text),
  );
});

describe('a credential', () => {
  test.each([
    'password',
    'passwd',
    'passphrase',
    'secret',
    'api_key',
    'api-key',
    'apikey',
    'access_key',
    'access-key',
    'accesskey',
    'auth_token',
    'auth-token',
    'authtoken',
    'access_token',
    'access-token',
    'accesstoken',
    'refresh_token',
    'refresh-token',
    'refreshtoken',
    'private_key',
    'private-key',
    'privatekey',
    'DB_PASSWORD',
    'my.client-secret',
    'APIKEY',
  ])('%s is followed by a secret', (name) => {
    expect(maskText(`${name}=hunter22`)).toBe(`${name}=[masked credential]`);
    expect(maskText(`"${name}" : "hunter22"`)).toBe(`"${name}" : "[masked credential]"`);
    expect(maskText(`${name}:   'hunter22', x`)).toBe(`${name}:   '[masked credential]', x`);
  });

  test.each(['hunter!!', 'hunter@x', '#hunter1', 'hun$ter1', 'abcdefg9', 'correct^', 'correct*', 'correct%'])(
    'may be %s',
    (value) => {
      expect(maskText(`secret=${value}; x`)).toBe('secret=[masked credential]; x');
    },
  );

  test.each([
    'secret=hunter2',
    'secret=horsehorse',
    'secret hunter22',
    'secretary: hunter22',
    'secret=<hunter22>',
    'secret=(hunter22)',
    'secret={hunter22}',
    'secret=[hunter22]',
  ])('%s has none', (text) => expect(maskText(text)).toBe(text));

  test('ends at a delimiter', () => {
    for (const end of [' ', '"', "'", ',', ';', '&', '}', '<', '>', '(', ')', '[', ']', '{']) {
      expect(maskText(`secret=hunter22${end}rest`)).toBe(`secret=[masked credential]${end}rest`);
    }
  });
});

describe('members named like credentials', () => {
  const masked = (name: string, value: string) => maskJson({ [name]: value });
  test.each([
    'password',
    'Passwd',
    'passphrase',
    'secret',
    'client_secret',
    'clientSecret',
    'api_key',
    'apiKey',
    'apikey',
    'access_token',
    'accessToken',
    'refresh_token',
    'refreshToken',
    'auth_token',
    'authToken',
    'private_key',
    'privateKey',
    'authorization',
    'db_password',
    'x-api_key',
    'A_1-secret',
  ])('%s are masked as a whole', (name) => {
    expect(masked(name, 'correct horse')).toEqual({ [name]: '[masked credential]' });
  });

  test.each(['passwordHint', 'secrets', 'mypassword', 'authorizations', 'key', 'token', 'password ', ' password'])(
    '%s are not',
    (name) => {
      expect(masked(name, 'correct horse')).toEqual({ [name]: 'correct horse' });
    },
  );

  test('are masked from six characters on, and only if they are text', () => {
    expect(masked('secret', 'sesame')).toEqual({ secret: '[masked credential]' });
    expect(masked('secret', 'basil')).toEqual({ secret: 'basil' });
    expect(maskJson({ secret: 1234567, password: null, authorization: true })).toEqual({
      secret: 1234567,
      password: null,
      authorization: true,
    });
    expect(maskJson({ secret: ['correct horse', { secret: 'correct horse' }] })).toEqual({
      secret: ['correct horse', { secret: '[masked credential]' }],
    });
  });

  test('keep what surrounds a known form', () => {
    expect(masked('authorization', `Bearer ${letters(16)}`)).toEqual({
      authorization: 'Bearer [masked authorization]',
    });
  });

  test('are not masked a second time', () => {
    const given = { password: 'correct horse', note: 'secret=hunter22', url: 'postgres://ada:abc@db' };
    const once = maskJson(given);
    expect(maskJson(once)).toEqual(once);
    expect(once).toEqual({
      password: '[masked credential]',
      note: 'secret=[masked credential]',
      url: 'postgres://ada:[masked password]@db',
    });
  });

  test('are left as they are if they hold a placeholder, whatever the replacement', () => {
    const masked = { password: '[masked credential #0123456789ab]', note: 'secret=[masked credential #0123456789ab]' };
    expect(maskJson(masked, () => 'replaced')).toEqual(masked);
    expect(maskJson({ password: 'text [masked' }, () => 'replaced')).toEqual({ password: 'replaced' });
  });

  test('are masked with the given replacement', () => {
    const given = { [`sk-${letters(20)}`]: [`rt_${letters(43)}`], secret: 'sesame' };
    const calls: [string, string][] = [];
    const replace = (kind: string, secret: string) => `<${calls.push([kind, secret])}>`;
    expect(maskJson(given, replace)).toEqual({ '<1>': ['<2>'], secret: '<3>' });
    expect(calls).toEqual([
      ['api key', `sk-${letters(20)}`],
      ['runtape token', `rt_${letters(43)}`],
      ['credential', 'sesame'],
    ]);
  });
});

test('the secret is replaced where it is, also if the same text comes before', () => {
  expect(maskText('password password=password1')).toBe('password password=[masked credential]');
  expect(maskText('abc://abc:abc@abc')).toBe('abc://abc:[masked password]@abc');
});

test('an input holds a placeholder if it has a kind and a digest', () => {
  expect(holdsPlaceholder({ a: ['[masked api key #0123456789ab]'] })).toBe(true);
  expect(holdsPlaceholder('x [masked password #0123456789ab] y')).toBe(true);
  for (const text of [
    '[masked api key]',
    '[masked api key #0123]',
    '[masked  #0123456789AB]',
    'masked api key #0123456789ab',
    '[masked #0123456789ab]',
  ]) {
    expect(holdsPlaceholder(text)).toBe(false);
  }
});
