import { describe, expect, test } from 'vitest';
import { coveringGrant, describeCall, summarise } from '../../../src/domain/approval.ts';

describe('B36: the summary of a call for its approver', () => {
  test('is one line with the call and the description of its tool', () => {
    const tool = { name: 'files_write', description: '  Writes a file.\n  Replaces what was there. ' };
    expect(summarise(tool, { path: 'a\nb', text: 'hi', mode: null })).toBe(
      'files_write(path: "a\\nb", text: "hi", mode: null): Writes a file. Replaces what was there.',
    );
    expect(summarise({ name: 'clock', description: '' }, {})).toBe('clock()');
    expect(describeCall('clock', null)).toBe('clock(null)');
    expect(describeCall('clock', [1])).toBe('clock([1])');
  });

  test('cuts a long member, says its length and still shows the next one', () => {
    const words = describeCall('http_fetch', { body: 'x'.repeat(5000), url: 'https://example.com' });
    expect(words).toBe(`http_fetch(body: "${'x'.repeat(159)}… (5002 characters), url: "https://example.com")`);
  });

  test('splits no character, and limits the number of members and the description', () => {
    expect(describeCall('t', { a: `${'x'.repeat(158)}😀${'x'.repeat(9)}` })).toBe(
      `t(a: "${'x'.repeat(158)}… (171 characters))`,
    );
    const many = Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`m${index}`, index]));
    expect(describeCall('t', many)).toMatch(/, m11: 11, and 2 more\)$/);
    expect(summarise({ name: 't', description: 'd'.repeat(900) }, {})).toBe(`t(): ${'d'.repeat(200)}…`);
  });

  test('escapes invisible and bidirectional characters, in names too', () => {
    expect(describeCall('t', { path: 'a\u202etxt.exe' })).toBe('t(path: "a\\u{202e}txt.exe")');
    expect(describeCall('t', { 'safe: true) x(y': 1, 'z\u200b': 2 })).toBe('t("safe: true) x(y": 1, "z\\u{200b}": 2)');
    expect(summarise({ name: 't', description: 'Kind\u2066.' }, {})).toBe('t(): Kind\\u{2066}.');
  });
});

describe('B39: a grant', () => {
  test('B39: without an expiry covers its own tool only, for the rest of the session', () => {
    const grant = { tool: 'files_write', expiresAt: null };
    expect(coveringGrant([grant], 'files_write', Number.MAX_SAFE_INTEGER)).toBe(grant);
    expect(coveringGrant([grant], 'http_fetch', 0)).toBe(null);
    expect(coveringGrant([], 'files_write', 0)).toBe(null);
    for (const similar of ['files_write_all', 'files_writ', 'my_files_write', 'FILES_WRITE', 'tickets__files_write']) {
      expect(coveringGrant([grant], similar, 0)).toBe(null);
    }
  });

  test('B39: with an expiry covers calls until then', () => {
    const grant = { tool: 'files_write', expiresAt: 1000 };
    const longer = { tool: 'files_write', expiresAt: 2000 };
    expect(coveringGrant([grant, longer], 'files_write', 999)).toBe(grant);
    expect(coveringGrant([grant], 'files_write', 1000)).toBe(null);
    expect(coveringGrant([grant, longer], 'files_write', 1000)).toBe(longer);
  });
});
