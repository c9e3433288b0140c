import { describe, expect, test } from 'vitest';
import { StartError } from '../../../src/config/start-error.ts';
import { keyOf } from '../../../src/server/backup/keys.ts';

const sha256 = 'ab'.repeat(32);

describe('the key of a blob in a backup', () => {
  test('is a path below the folder of attachments', () => {
    expect(keyOf({ id: 'blb_01', owner: '../ada', sha256 })).toMatch(/^[0-9a-f]{32}\/ab\/(ab){32}-blb_01$/);
  });

  test.each([
    ['a path in the digest', { id: 'blb_01', sha256: '../../../../etc/passwd' }],
    ['a path in the id', { id: '../../escaped', sha256 }],
    ['a digest in another form', { id: 'blb_01', sha256: sha256.toUpperCase() }],
    ['a long id', { id: 'x'.repeat(100), sha256 }],
    ['a null character', { id: 'blb\0', sha256 }],
  ])('is refused with %s', (_name, blob) => {
    expect(() => keyOf({ owner: 'ada', ...blob })).toThrow(StartError);
  });
});
