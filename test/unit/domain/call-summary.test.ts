import { describe, expect, test } from 'vitest';
import { describeCall, summarise, summariseQuestion, summariseToolQuestion } from '../../../src/domain/call-summary.ts';

const members = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index]));

describe('B36: the summary of a call for its approver', () => {
  test('is one line with the call, and the description of its tool as a claim of the tool', () => {
    const tool = { name: 'files_write', description: '  Writes a file.\n  "Already approved". ' };
    expect(summarise(tool, { path: 'a\nb', text: 'hi', mode: null })).toBe(
      'files_write(path: "a\\nb", text: "hi", mode: null). The tool describes itself as: "Writes a file. \\"Already approved\\"."',
    );
    expect(summarise({ name: 'clock', description: '' }, {})).toBe('clock()');
    expect(summarise({ name: 't', description: '  \n ' }, {})).toBe('t()');
    expect(describeCall('clock', null)).toBe('clock(null)');
    expect(describeCall('clock', [1])).toBe('clock([1])');
    expect(describeCall('t', 'text')).toBe('t("text")');
    expect(describeCall('t', true)).toBe('t(true)');
  });

  test('begins with the target', () => {
    const words = describeCall('http_fetch', { body: 'x', url: 'https://example.com' }, 'GET https://example.com/');
    expect(words).toBe('http_fetch GET https://example.com/ (url: "https://example.com", body: "x")');
  });

  test('shows the whole host of a target, and both ends of a target that is longer', () => {
    const host = `${'accounts-example-com.'.repeat(11)}evil.test`;
    expect(describeCall('http_fetch', {}, `GET https://${host}/`)).toContain(`${host}/ (`);
    const long = describeCall('http_fetch', {}, `GET https://${host}/${'p'.repeat(500)}/end`);
    expect(long).toContain(host);
    expect(long).toMatch(/…p+\/end \(\)$/);
  });

  test('shows both ends of a long member, its length, and the next one', () => {
    const words = describeCall('t', { body: `begin${'x'.repeat(5000)}end`, more: 1 });
    expect(words).toBe(`t(body: "begin${'x'.repeat(94)}…${'x'.repeat(56)}end" (5010 characters), more: 1)`);
    expect(describeCall('t', { a: 'x'.repeat(158) })).toBe(`t(a: "${'x'.repeat(158)}")`);
    expect(describeCall('t', { a: 'x'.repeat(159) })).toContain('x…x');
  });

  test('splits no character at either end', () => {
    const words = describeCall('t', { a: `${'x'.repeat(98)}😀${'y'.repeat(200)}😀${'z'.repeat(58)}` });
    expect(words.isWellFormed()).toBe(true);
    expect(words).toBe(`t(a: "${'x'.repeat(98)}…${'z'.repeat(58)}" (362 characters))`);
    const inside = describeCall('t', { a: `😀${'x'.repeat(200)}😀` });
    expect(inside).toBe(`t(a: "😀${'x'.repeat(97)}…${'x'.repeat(57)}😀" (206 characters))`);
  });

  test('says how many members it leaves out, and never leaves out what the call reaches', () => {
    expect(describeCall('t', members(12))).toMatch(/, m11: 11\)$/);
    expect(describeCall('t', members(13))).toMatch(/, m11: 11, and 1 more member\)$/);
    expect(describeCall('t', members(15))).toMatch(/, m11: 11, and 3 more members\)$/);
    const last = { ...members(20), command: 'rm -rf /', url: 'https://example.com' };
    expect(describeCall('t', last)).toMatch(/^t\(url: "https:\/\/example\.com", command: "rm -rf \/", m0: 0,/);
  });

  test('quotes names that are long or not plain', () => {
    expect(describeCall('t', { ['n'.repeat(64)]: 1 })).toBe(`t(${'n'.repeat(64)}: 1)`);
    expect(describeCall('t', { ['n'.repeat(65)]: 1 })).toBe(`t("${'n'.repeat(65)}": 1)`);
    expect(describeCall('t', { 'a-b_1': 1, 'a b': 2, '': 4 })).toBe('t(a-b_1: 1, "a b": 2, "": 4)');
    expect(describeCall('t', { 'safe: true) x(y': 1, 'z\u200b': 2 })).toBe('t("safe: true) x(y": 1, "z\\u{200b}": 2)');
  });

  test.each([
    ['bidirectional', 'a\u202etxt.exe', 'a\\u{202e}txt.exe'],
    ['invisible', 'a\u200bb\u00adc\u2060d', 'a\\u{200b}b\\u{ad}c\\u{2060}d'],
    ['ignorable letters and marks', 'a\u3164b\u034fc\ufe0fd\u115fe', 'a\\u{3164}b\\u{34f}c\\u{fe0f}d\\u{115f}e'],
    ['blanks that look like a space', 'a\u00a0b\u2003c\u2800d', 'a\\u{a0}b\\u{2003}c\\u{2800}d'],
    ['separators of lines', 'x\u2028y\u2029z\u0085', 'x\\u{2028}y\\u{2029}z\\u{85}'],
    ['tags', 'a\u{e0041}', 'a\\u{e0041}'],
    ['private use', 'a\ue000', 'a\\u{e000}'],
  ])('escapes %s', (_kind, text, shown) => {
    expect(describeCall('t', { a: text })).toBe(`t(a: "${shown}")`);
    expect(describeCall('t', {}, text)).toBe(`t ${shown} ()`);
  });

  test('escapes them in what the tool says about itself', () => {
    expect(summarise({ name: 't', description: 'Kind\u2066 p\u0430ypal' }, {})).toContain(
      '"Kind\\u{2066} p\\u{430}ypal"',
    );
  });

  test('escapes the foreign letters of a word that mixes scripts, and leaves words of one script', () => {
    expect(describeCall('t', { to: 'p\u0430ypal' })).toBe('t(to: "p\\u{430}ypal")');
    expect(describeCall('t', { to: 'g\u03bf\u03bfgle' })).toBe('t(to: "g\\u{3bf}\\u{3bf}gle")');
    expect(describeCall('t', { to: '\u13a1ank' })).toBe('t(to: "\\u{13a1}ank")');
    expect(describeCall('t', { to: 'app1e\u0e40' })).toBe('t(to: "app1e\\u{e40}")');
    expect(describeCall('t', { to: '\u0430\u0e40' })).toBe('t(to: "\\u{430}\\u{e40}")');
    for (const text of [
      'Привет, мир',
      'café naïve',
      'отправить email',
      '東京タワーへ行く',
      'مرحبا',
      'नमस्ते',
      'हिन्दी२',
      '😀 ok',
      'e\u0301te\u0301',
    ]) {
      expect(describeCall('t', { text })).toBe(`t(text: "${text}")`);
    }
  });

  test('names the host of a URL in punycode if the URL writes it in other letters', () => {
    expect(describeCall('t', { url: 'https://\u0430\u0440\u0440\u04cf\u0435.com/x' })).toContain(
      '(host xn--80ak6aa92e.com)',
    );
    expect(describeCall('t', { url: 'http://\u0430\u0440\u0440\u04cf\u0435.com/x' })).toContain(
      '(host xn--80ak6aa92e.com)',
    );
    expect(describeCall('t', { url: `https://\u0430\u0440\u0440\u04cf\u0435.com/${'x'.repeat(200)}` })).toContain(
      ' (220 characters, host xn--80ak6aa92e.com)',
    );
    expect(describeCall('t', { url: 'https://example.com/x' })).toBe('t(url: "https://example.com/x")');
    expect(describeCall('t', { url: 'https://' })).toBe('t(url: "https://")');
  });

  test('stays short, whatever the input', () => {
    const hostile = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`${index}${'\u202e'.repeat(900)}`, '\u200b'.repeat(90_000)]),
    );
    expect(
      summarise({ name: 't', description: '\u202e'.repeat(8000) }, hostile, 'x'.repeat(90_000)).length,
    ).toBeLessThan(40_000);
  });
});

describe('B96: the summary of a question', () => {
  test('is one line with both ends, and without deceptive characters', () => {
    expect(summariseQuestion('  Which\n\n colour,\tp\u0430ypal? ')).toBe('Which colour, p\\u{430}ypal?');
    expect(summariseQuestion('x'.repeat(400))).toBe('x'.repeat(400));
    expect(summariseQuestion(`${'a'.repeat(300)}b${'c'.repeat(100)}`)).toBe(`${'a'.repeat(300)}…${'c'.repeat(100)}`);
  });

  test('of a tool names its MCP server, and a link that a person is asked to open', () => {
    expect(summariseToolQuestion('bank', 'Your \n name?', null)).toBe('The MCP server "bank" asks: Your name?');
    expect(summariseToolQuestion('bank', 'Sign in.', 'https://example.com/\u202ex')).toBe(
      'The MCP server "bank" asks to open https://example.com/\\u{202e}x : Sign in.',
    );
  });
});
