import { describe, expect, test } from 'vitest';
import { covers, summarise } from '../../../src/domain/approval.ts';

describe('summarise', () => {
  test('names the tool and its input, in one line', () => {
    expect(summarise('files_write', { path: 'a\nb', text: 'hi' })).toBe('files_write {"path":"a\\nb","text":"hi"}');
    expect(summarise('clock', null)).toBe('clock null');
  });

  test('cuts a long input at 300 characters, and no character in two', () => {
    expect(summarise('t', 'x'.repeat(298))).toBe(`t "${'x'.repeat(298)}"`);
    expect(summarise('t', 'x'.repeat(299))).toBe(`t "${'x'.repeat(299)}…`);
    expect(summarise('t', `${'x'.repeat(298)}😀`).isWellFormed()).toBe(true);
  });
});

describe('B39: a remembered approval', () => {
  test('B39: covers its own tool for the rest of the session', () => {
    const grants = [{ tool: 'files_write', expiresAt: null }];
    expect(covers(grants, 'files_write', Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(covers(grants, 'http_fetch', 0)).toBe(false);
    expect(covers([], 'files_write', 0)).toBe(false);
  });

  test('B39: that is timeboxed covers until its time', () => {
    const grants = [{ tool: 'files_write', expiresAt: 1000 }];
    expect(covers(grants, 'files_write', 999)).toBe(true);
    expect(covers(grants, 'files_write', 1000)).toBe(false);
    expect(covers([...grants, { tool: 'files_write', expiresAt: 2000 }], 'files_write', 1000)).toBe(true);
  });
});
