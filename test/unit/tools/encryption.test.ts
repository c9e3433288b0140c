import { expect, test } from 'vitest';
import { createEncryption } from '../../../src/tools/encryption.ts';

const key = new Uint8Array(32).fill(1);

test('what is sealed opens with the same key for the same place, and looks like another text each time', () => {
  const seal = createEncryption(key);
  const sealed = seal.close('hünter2', 'ses_1/call_1');
  expect(createEncryption(key).open(sealed, 'ses_1/call_1')).toBe('hünter2');
  expect(seal.close('hünter2', 'ses_1/call_1')).not.toBe(sealed);
  expect(Buffer.from(sealed, 'base64').toString()).not.toContain('nter2');
});

test('with another key, for another place, changed, cut or made up, it does not', () => {
  const seal = createEncryption(key);
  const sealed = seal.close('hunter2', 'ses_1/call_1');
  expect(createEncryption(new Uint8Array(32).fill(2)).open(sealed, 'ses_1/call_1')).toBeNull();
  expect(seal.open(sealed, 'ses_1/call_2')).toBeNull();
  const bytes = Buffer.from(sealed, 'base64');
  for (const index of bytes.keys()) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(seal.open(changed.toString('base64'), 'ses_1/call_1')).toBeNull();
    expect(seal.open(bytes.subarray(0, index).toString('base64'), 'ses_1/call_1')).toBeNull();
  }
  expect(seal.open('no base64 at all', 'ses_1/call_1')).toBeNull();
});
