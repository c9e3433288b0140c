import { expect, test } from 'vitest';
import { createEncryption } from '../../../src/tools/encryption.ts';

const key = new Uint8Array(32).fill(1);

test('an encrypted text is decrypted with the same key and context, and differs each time', () => {
  const encryption = createEncryption(key);
  const encrypted = encryption.encrypt('hünter2', 'ses_1/call_1');
  expect(createEncryption(key).decrypt(encrypted, 'ses_1/call_1')).toBe('hünter2');
  expect(encryption.encrypt('hünter2', 'ses_1/call_1')).not.toBe(encrypted);
  expect(Buffer.from(encrypted, 'base64').toString()).not.toContain('nter2');
});

test('an encrypted text is not decrypted with another key or context, or if it was changed, cut or made up', () => {
  const encryption = createEncryption(key);
  const encrypted = encryption.encrypt('hunter2', 'ses_1/call_1');
  expect(createEncryption(new Uint8Array(32).fill(2)).decrypt(encrypted, 'ses_1/call_1')).toBeNull();
  expect(encryption.decrypt(encrypted, 'ses_1/call_2')).toBeNull();
  const bytes = Buffer.from(encrypted, 'base64');
  for (const index of bytes.keys()) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(encryption.decrypt(changed.toString('base64'), 'ses_1/call_1')).toBeNull();
    expect(encryption.decrypt(bytes.subarray(0, index).toString('base64'), 'ses_1/call_1')).toBeNull();
  }
  expect(encryption.decrypt('no base64 at all', 'ses_1/call_1')).toBeNull();
});
