import { describe, expect, test } from 'vitest';
import { coveringGrant, type Grant } from '../../../src/domain/approval.ts';

const given = (more: Partial<Grant> = {}): Grant => ({
  tool: 'files_write',
  target: null,
  definitionHash: 'v1',
  expiresAt: null,
  ...more,
});
const called = (more = {}) => ({ tool: 'files_write', definitionHash: 'v1', target: 'notes/a', ...more });

describe('B39: a grant', () => {
  test('B39: without an expiry covers its own tool only, for the rest of the session', () => {
    const grant = given();
    expect(coveringGrant([grant], called(), Number.MAX_SAFE_INTEGER)).toBe(grant);
    expect(coveringGrant([], called(), 0)).toBe(null);
    for (const tool of ['http_fetch', 'files_write_all', 'files_writ', 'my_files_write', 'FILES_WRITE']) {
      expect(coveringGrant([grant], called({ tool }), 0)).toBe(null);
    }
  });

  test('B39: with an expiry covers calls until then', () => {
    const grant = given({ expiresAt: 1000 });
    const longer = given({ expiresAt: 2000 });
    expect(coveringGrant([grant, longer], called(), 999)).toBe(grant);
    expect(coveringGrant([grant], called(), 1000)).toBe(null);
    expect(coveringGrant([grant, longer], called(), 1000)).toBe(longer);
  });

  test('B101: that is bound to a target covers no other target', () => {
    const bound = given({ target: 'notes/a' });
    expect(coveringGrant([bound], called(), 0)).toBe(bound);
    for (const target of ['notes/a/b', 'notes', 'notes/A', '', null]) {
      expect(coveringGrant([bound], called({ target }), 0)).toBe(null);
    }
  });

  test('lapses when the definition of its tool changes, and covers nothing if it has none', () => {
    expect(coveringGrant([given()], called({ definitionHash: 'v2' }), 0)).toBe(null);
    expect(coveringGrant([given({ definitionHash: null })], called(), 0)).toBe(null);
  });
});
