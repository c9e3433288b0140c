import { describe, expect, test } from 'vitest';
import { bothEnds, strictText, visibleText } from '../../../console/src/text/visible-text.ts';

describe('text of others', () => {
  test.each([
    ['a right-to-left override', 'moc\u202egpj.exe', 'moc⟦U+202E⟧gpj.exe'],
    ['isolates', '\u2066a\u2069', '⟦U+2066⟧a⟦U+2069⟧'],
    ['a zero-width space', 'pay\u200bpal', 'pay⟦U+200B⟧pal'],
    ['a byte order mark', '\ufeffa', '⟦U+FEFF⟧a'],
    ['a tag character', 'a\u{e0041}b', 'a⟦U+E0041⟧b'],
    ['a filler that looks like a space', 'a\u3164b', 'a⟦U+3164⟧b'],
    ['an escape sequence of a terminal', '\u001b[31mred', '⟦U+001B⟧[31mred'],
    ['a lone surrogate', 'a\ud800b', 'a⟦U+D800⟧b'],
    ['a variation selector', 'a\ufe0fb', 'a⟦U+FE0F⟧b'],
    ['a soft hyphen', 'pay\u00adpal', 'pay⟦U+00AD⟧pal'],
    ['brackets that imitate an escape', '⟦U+0041⟧', '⟦U+27E6⟧U+0041⟧'],
  ])('%s is written out', (_, text, shown) => expect(visibleText(text)).toBe(shown));

  test.each([
    ['lines and tabs', 'a\n\tb'],
    ['an emoji of several characters', '👩‍💻 and ❤️'],
    ['joiners within words that need them', 'می‌خواهم'],
    ['other scripts', 'שלום Привет 你好'],
  ])('%s stay', (_, text) => expect(visibleText(text)).toBe(text));

  test('a line break of Windows is one line break', () => expect(visibleText('a\r\nb')).toBe('a\nb'));
});

describe('text that decides', () => {
  test('letters of another script in a Latin word are written out', () => {
    expect(strictText('pаypal.com')).toBe('p⟦U+0430⟧ypal.com');
    expect(strictText('ｐaypal')).toBe('⟦U+FF50⟧aypal');
  });

  test('words of one script stay', () => expect(strictText('Привет paypal')).toBe('Привет paypal'));
});

test('a long text keeps both ends and says what is left out', () => {
  const text = `${'a'.repeat(60)}${'b'.repeat(100)}${'c'.repeat(40)}`;
  expect(bothEnds(text, 100)).toBe(`${'a'.repeat(60)} … 100 characters … ${'c'.repeat(40)}`);
  expect(bothEnds('short', 100)).toBe('short');
});
