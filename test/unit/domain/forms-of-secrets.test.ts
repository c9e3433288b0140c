import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import {
  holdsPlaceholder,
  maskJson,
  maskJsonInSteps,
  maskText,
  maskTextInSteps,
} from '../../../src/domain/secrets/mask.ts';
import { SLICE_CHARACTERS } from '../../../src/domain/secrets/scan.ts';

/** Letters and digits, so that no word or number stands out. */
const letters = (count: number) => 'a1B2c3D4e5F6g7H8'.repeat(Math.ceil(count / 16)).slice(0, count);
const upper = (count: number) => 'A2B3C4D5E6F7G2H3'.repeat(Math.ceil(count / 16)).slice(0, count);

const hex = (count: number) => 'a1b2c3d4e5f60789'.repeat(Math.ceil(count / 16)).slice(0, count);

function longerForm(kind: string, least: number) {
  return (prefix: string): [string, string, number, number] => [kind, prefix, least, 200];
}

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
  ...['gsk_', 'xai-', 'pplx-', 'nvapi-', 'r8_'].map(longerForm('api key', 36)),
  ...['rk_test_'].map(longerForm('payment key', 16)),
  ...['sq0csp-', 'sq0atp-'].map(longerForm('payment key', 22)),
  ...['whsec_'].map(longerForm('webhook secret', 24)),
  ...['glrt-', 'gldt-', 'glptt-', 'glcbt-', 'glsoat-', 'glft-', 'glagent-'].map(longerForm('gitlab token', 20)),
  ...['xoxa-', 'xoxe-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxd-'].map(longerForm('slack token', 10)),
  ...['xapp-'].map(longerForm('slack token', 20)),
  ...['ya29.'].map(longerForm('google token', 20)),
  ...['pypi-'].map(longerForm('pypi token', 50)),
  ...['dckr_pat_'].map(longerForm('docker token', 20)),
  ...['hvs.', 'hvb.'].map(longerForm('vault token', 24)),
  ...['glsa_', 'glc_'].map(longerForm('grafana token', 32)),
  ...['lin_api_'].map(longerForm('linear key', 32)),
  ...['ntn_'].map(longerForm('notion token', 40)),
  ...['ATATT3xFfGF0'].map(longerForm('atlassian token', 40)),
  ...['sntrys_', 'sntryu_'].map(longerForm('sentry token', 40)),
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

test.each([
  ['shop token', `shpat_${hex(32)}`],
  ['shop token', `shpca_${hex(32)}`],
  ['google token', `GOCSPX-${letters(28)}`],
  ['digitalocean token', `dop_v1_${hex(64)}`],
  ['sendgrid key', `SG.${letters(22)}.${letters(43)}`],
  ['databricks token', `dapi${hex(32)}`],
  ['rubygems key', `rubygems_${hex(48)}`],
  ['supabase token', `sbp_${hex(40)}`],
  ['postman key', `PMAK-${hex(24)}-${hex(34)}`],
  ['new relic key', `NRAK-${upper(27)}`],
  ['age key', `AGE-SECRET-KEY-1${upper(58)}`],
  ['slack token', `xoxe.xoxp-${letters(20)}`],
])('a %s is masked', (kind, token) => {
  expect(maskText(`(${token})`)).toBe(`([masked ${kind}])`);
  expect(maskText(`(x${token.slice(0, -1)})`)).not.toContain(kind);
});

test('what surrounds a secret in a form of its own stays', () => {
  expect(maskText(`12345678:AA${letters(33)}`)).toBe('12345678[masked telegram token]');
  expect(maskText(`https://hooks.slack.com/services/${letters(24)}`)).toBe(
    'https://hooks.slack.com/services/[masked webhook]',
  );
  expect(maskText(`https://discord.com/api/webhooks/123/${letters(60)}`)).toBe(
    'https://discord.com/api/webhooks/123/[masked webhook]',
  );
  expect(maskText(`a\\nsk-${letters(20)} %3Dsk-${letters(20)}`)).toBe('a\\n[masked api key] %3D[masked api key]');
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
    `eyJ${letters(8)}.eyJ${letters(7)}.${letters(8)}`,
    `eyJ${letters(8)}.eyJ${letters(8)}.${letters(7)}`,
    `eyJ${letters(8)}.abc${letters(8)}.${letters(8)}`,
    `eyJ${letters(8)}.eyJ${letters(8)},${letters(8)}`,
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
    ['postgres://ada:a@b:c@db', 'postgres://ada:[masked password]@db'],
  ])('%s becomes %s', (text, masked) => expect(maskText(text)).toBe(masked));

  test.each([
    '1://ada:abcd@db',
    `postgres://ada:\${SECRET1}@db`,
    'postgres://ada:ab@db',
    'postgres://ada@db',
    'https://db:5432/a@b',
    'https://db/x:abc@y',
    'ada:abc@db',
  ])('%s has none', (text) => expect(maskText(text)).toBe(text));
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

describe('a cookie', () => {
  test.each([
    ['Set-Cookie: sid=abcdef12; Path=/', 'Set-Cookie: sid=[masked cookie]; Path=/'],
    ['"set-cookie": ["sid=abcdef12; Secure"]', '"set-cookie": ["sid=[masked cookie]; Secure"]'],
    ['cookie: a=1; session=abcdef12', 'cookie: [masked cookie]'],
    [`Cookie='theme=dark; n=1'`, `Cookie='[masked cookie]'`],
    ['Set-Cookie: sid=abcdef12, cookie: a=abcdef12', 'Set-Cookie: sid=[masked cookie], cookie: [masked cookie]'],
  ])('%s becomes %s', (text, masked) => expect(maskText(text)).toBe(masked));

  test.each([
    'cookie: a=b1234',
    'cookie: theme=darkblue',
    'Set-Cookie: n=abcdef1; Path=/index12345',
    'Set-Cookie: theme=darkblue',
    'Set-Cookie: sid=$SESSION_ID_1',
    'Set-Cookie: sid=<session id 1>',
    'the cookie jar abcdef12',
    'cookie: none',
  ])('%s has none', (text) => expect(maskText(text)).toBe(text));
});

describe('a signature in a URL', () => {
  test.each(['?sig=', '&signature=', ';token=', '\\u0026sig=', '?X-Amz-Signature=', '&x-goog-signature='])(
    'follows %s',
    (name) => {
      expect(maskText(`/a${name}${letters(16)}&b=1`)).toBe(`/a${name}[masked signature]&b=1`);
      for (const other of [letters(15), 'x'.repeat(40)])
        expect(maskText(`/a${name}${other}`)).toBe(`/a${name}${other}`);
    },
  );
});

describe('the name of a credential', () => {
  test.each(['PASS', 'pwd', 'dbPass', 'myPwd', 'x.pass', 'dbpassword', 'npmToken', 'connectionString'])(
    'is %s',
    (name) => expect(maskText(`${name}=hunter22`)).toBe(`${name}=[masked credential]`),
  );

  test.each(['compass', 'COMPASS', 'bypass', 'mytoken', 'PASS by compass'])('is not %s', (name) => {
    expect(maskText(`${name}=hunter22`)).toBe(`${name}=hunter22`);
  });
});

test.each([
  '$DB_PASSWORD1',
  `\${SECRET1}`,
  '$(cat secret1)',
  '{{ secret1 }}',
  '%SECRET_NAME%',
  'process.env.PASS1',
  'vault:secret/data1',
  'arn:aws:1234567',
  '1111111111',
  '********',
])('%s only says where a credential is, or stands for one', (reference) => {
  expect(maskText(`password=${reference}`)).toBe(`password=${reference}`);
});

test('a credential in quotes may contain delimiters', () => {
  expect(maskText('password="hun,ter22", x')).toBe('password="[masked credential]", x');
  expect(maskText("password='hun;ter22'; x")).toBe("password='[masked credential]'; x");
  expect(maskText('{\\"password\\":\\"hunter22\\"}')).toBe('{\\"password\\":\\"[masked credential]\\"}');
});

describe('a long text', () => {
  const secret = 'password=hunter22';
  test('hides no secret where it is cut for the search', () => {
    for (let before = SLICE_CHARACTERS - secret.length - 1; before <= SLICE_CHARACTERS + 1; before += 1) {
      const text = `${'. '.repeat(before).slice(0, before)}${secret} ${secret}`;
      expect(maskText(text)).toBe(text.replaceAll('hunter22', '[masked credential]'));
    }
    const overlapping = `${'.'.repeat(SLICE_CHARACTERS - 20)}sk-${letters(200)} ${secret}`;
    expect(maskText(overlapping).slice(SLICE_CHARACTERS - 20)).toBe('[masked api key] password=[masked credential]');
  });

  test('is searched in parts, between which other work can run', () => {
    const pauses = (steps: Iterable<void>) => [...steps].length;
    // Each text is searched twice: for tokens, and for positions of credentials.
    expect(pauses(maskTextInSteps('.'.repeat(3 * SLICE_CHARACTERS)))).toBe(4);
    expect(pauses(maskTextInSteps('.'.repeat(SLICE_CHARACTERS)))).toBe(0);
    // Each text counts for 64 characters more than it has, and any other value for 16.
    const half = '.'.repeat(SLICE_CHARACTERS / 2 - 64 - 8);
    expect(pauses(maskJsonInSteps([half, half]))).toBe(0);
    expect(pauses(maskJsonInSteps([half, half, '.', half, half]))).toBe(1);
    expect(pauses(maskJsonInSteps(Array(50_000).fill(1)))).toBe(12);
    expect(pauses(maskJsonInSteps(Array(25_000).fill([])))).toBe(6);
  });
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

  test('may be named by another member', () => {
    const value = 'correct horse';
    const hidden = '[masked credential]';
    expect(maskJson({ name: 'DB_PASSWORD', value })).toEqual({ name: 'DB_PASSWORD', value: hidden });
    expect(maskJson({ key: 'API_KEY', value })).toEqual({ key: 'API_KEY', value: hidden });
    const others: Json[] = [
      { name: 'colour', value },
      { name: 'colour', key: 'API_KEY', value },
      { name: 7, key: 'API_KEY', value },
      { name: 'DB_PASSWORD', text: value },
    ];
    for (const other of others) expect(maskJson(other)).toEqual(other);
  });

  test('may be cookies, one or many', () => {
    const many = ['correct horse', 7];
    for (const name of ['cookie', 'Cookies', 'set-cookie', `${'x'.repeat(200)}-cookie`]) {
      expect(maskJson({ [name]: many })).toEqual({ [name]: ['[masked credential]', 7] });
    }
    for (const name of ['xcookie', 'cookiesAccepted', 'cookie-jar']) {
      expect(maskJson({ [name]: many })).toEqual({ [name]: many });
    }
    expect(maskJson({ cookie: 'correct horse' })).toEqual({ cookie: '[masked credential]' });
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
