import { describe, expect, test } from 'vitest';
import { maskJson, maskText } from '../../../src/domain/secrets/mask.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { ordinary, secrets } from './secret-corpus.ts';

describe('B61: masking', () => {
  test('masks every secret of the corpus and no ordinary text', () => {
    const missed = secrets.filter(([text, secret]) => maskText(text).includes(secret)).map(([text]) => text);
    const wrong = ordinary.filter((text) => maskText(text) !== text);
    const found = secrets.length - missed.length;
    const [precision, recall] = [found / (found + wrong.length), found / secrets.length];
    process.stdout.write(
      `masking: ${secrets.length} secrets, ${ordinary.length} ordinary texts, precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}\n`,
    );
    expect({ missed, wrong }).toEqual({ missed: [], wrong: [] });
  });

  test('replaces only the secret, and changes nothing the second time', () => {
    const masked = maskText(
      'curl postgres://ada:s3cret-w0rd@db.example.com/x -H "Authorization: Bearer abcdefghij0123456789"',
    );
    expect(masked).toBe(
      'curl postgres://ada:[masked password]@db.example.com/x -H "Authorization: Bearer [masked authorization]"',
    );
    expect(maskText(masked)).toBe(masked);
  });

  test.each([
    ['secret=x1234567/../../admin/delete', 'secret=[masked credential]/../../admin/delete'],
    ['secret="x1234567/..', 'secret="[masked credential]/..'],
    ['a;sig=x123456789012345/./b?c', 'a;sig=[masked signature]/./b?c'],
    ['bearer x123456789012345/../b', 'bearer [masked authorization]/../b'],
    ['https://a.example/secret=x1234567/.%2e?b', 'https://a.example/secret=[masked credential]/.%2e?b'],
    ['secret=x1234567/...b', 'secret=[masked credential]'],
  ])('hides no step to another folder from policies: %s', (text, masked) => {
    expect(maskText(text)).toBe(masked);
    expect(maskText(masked)).toBe(masked);
  });

  test('covers every string of a value, and members named like credentials', () => {
    const given = {
      url: 'https://x',
      headers: [{ Authorization: 'Bearer abcdefghij0123456789' }],
      password: 'correct horse',
      port: 5432,
      apiKey: '',
      passwordHint: 'blue',
      secret: 'no',
    };
    expect(maskJson(given)).toEqual({
      ...given,
      headers: [{ Authorization: 'Bearer [masked authorization]' }],
      password: '[masked credential]',
    });
  });

  test.each([
    'password',
    'passwd',
    'passphrase',
    'secret',
    'clientSecret',
    'client_secret',
    'apiKey',
    'api_key',
    'APIKEY',
    'accessToken',
    'access_token',
    'refreshToken',
    'authToken',
    'privateKey',
    'private_key',
    'Authorization',
    'db_password',
    'KEY-PASSPHRASE',
  ])('covers a member called %s, whatever its value looks like', (name) => {
    expect(maskJson({ [name]: 'correct horse' })).toEqual({ [name]: '[masked credential]' });
  });

  test('runs in linear time', () => {
    const shapes = [
      'a',
      'password=',
      'sk-',
      '://',
      'x:/',
      'eyJ',
      'bearer ',
      '-----BEGIN PRIVATE KEY-----',
      'secret:"',
      'a_',
    ];
    // In quadratic time, one megabyte would take hours.
    for (const shape of shapes) expect(maskText(shape.repeat((1024 * 1024) / shape.length)).length).toBeGreaterThan(0);
  });
});

describe('the secret store', () => {
  test('reveals what it masked, to the same call only', async () => {
    const store = createSecretStore(null);
    const call = { sessionId: 'ses_1', callId: 'call_1' };
    const ofOtherSession = { ...call, sessionId: 'ses_2' };
    const input = { url: 'https://ada:hunter22@example.com/', password: 'correct horse' };
    const shown = await store.mask(call, input);
    expect(JSON.stringify(shown)).not.toMatch(/hunter22|correct horse/);
    expect(store.reveal(call, shown)).toEqual({ ok: true, input });
    expect(store.reveal({ ...call, callId: 'call_2' }, shown)).toMatchObject({ ok: false });
    expect(store.reveal(ofOtherSession, shown)).toMatchObject({
      ok: false,
      error: expect.stringContaining('Give it again'),
    });
    expect(createSecretStore(null).reveal(call, shown)).toMatchObject({ ok: false });
    const named = {
      headers: { 'sk-proj-abcdefghij0123456789ABCDEFGHIJ': 1, 'sk-proj-zyxwvutsrq9876543210ZYXWVUTSRQ': 2 },
    };
    const shownNames = await store.mask(call, named);
    expect(JSON.stringify(shownNames)).not.toContain('sk-proj');
    expect(store.reveal(call, shownNames)).toEqual({ ok: true, input: named });
    expect(store.reveal(ofOtherSession, shownNames)).toMatchObject({ ok: false });
    expect(store.reveal(call, { text: '[masked words of a text]' })).toMatchObject({ ok: true });
  });
});
