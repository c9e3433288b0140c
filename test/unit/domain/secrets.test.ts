import { describe, expect, test } from 'vitest';
import { maskJson, maskText } from '../../../src/domain/secrets/mask.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { ordinary, secrets } from './secret-corpus.ts';

describe('B61: masking', () => {
  test('finds what is secret and leaves what is not', () => {
    const missed = secrets.filter(([text, secret]) => maskText(text).includes(secret)).map(([text]) => text);
    const wrong = ordinary.filter((text) => maskText(text) !== text);
    const found = secrets.length - missed.length;
    const [precision, recall] = [found / (found + wrong.length), found / secrets.length];
    process.stdout.write(
      `masking: ${secrets.length} secrets, ${ordinary.length} ordinary texts, precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}\n`,
    );
    expect({ missed, wrong }).toEqual({ missed: [], wrong: [] });
  });

  test('replaces the secret alone, and does nothing the second time', () => {
    const masked = maskText(
      'curl postgres://ada:s3cret-w0rd@db.example.com/x -H "Authorization: Bearer abcdefghij0123456789"',
    );
    expect(masked).toBe(
      'curl postgres://ada:[masked password]@db.example.com/x -H "Authorization: Bearer [masked authorization]"',
    );
    expect(maskText(masked)).toBe(masked);
  });

  test('reaches every text of a value, and what a member is called counts', () => {
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

  test('takes time that grows with the text alone', () => {
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
    // Quadratic time would be hours for a megabyte, and the test would never end.
    for (const shape of shapes) expect(maskText(shape.repeat((1024 * 1024) / shape.length)).length).toBeGreaterThan(0);
  });
});

describe('the vault', () => {
  test('gives back what it concealed, to the same session alone', () => {
    const vault = createSecretStore(null);
    const input = { url: 'https://ada:hunter22@example.com/', password: 'correct horse' };
    const shown = vault.mask('ses_1', input);
    expect(JSON.stringify(shown)).not.toMatch(/hunter22|correct horse/);
    expect(vault.reveal('ses_1', shown)).toEqual({ ok: true, input });
    expect(vault.reveal('ses_2', shown)).toMatchObject({ ok: false, error: expect.stringContaining('Give it again') });
    expect(createSecretStore(null).reveal('ses_1', shown)).toMatchObject({ ok: false });
    const named = {
      headers: { 'sk-proj-abcdefghij0123456789ABCDEFGHIJ': 1, 'sk-proj-zyxwvutsrq9876543210ZYXWVUTSRQ': 2 },
    };
    const shownNames = vault.mask('ses_1', named);
    expect(JSON.stringify(shownNames)).not.toContain('sk-proj');
    expect(vault.reveal('ses_1', shownNames)).toEqual({ ok: true, input: named });
    expect(vault.reveal('ses_2', shownNames)).toMatchObject({ ok: false });
    expect(vault.reveal('ses_1', { text: '[masked words of a text]' })).toMatchObject({ ok: true });
  });
});
