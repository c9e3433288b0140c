import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Derives the key of stored texts, so it must not change. */
const KEY_INFO = 'runtape sealed inputs';

/** Encrypts texts. Each one can only be decrypted with the same key and the same context. */
export interface Encryption {
  /** Base64, different each time. */
  encrypt(text: string, context: string): string;
  /** Null if the key or the context is another one, or if the encrypted text was changed. */
  decrypt(encrypted: string, context: string): string | null;
}

/** AES-256-GCM with a random nonce for each text and the context as additional authenticated data. */
export function createEncryption(secretKey: Uint8Array): Encryption {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', KEY_INFO, 32));
  return {
    encrypt(text, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64');
    },
    decrypt(encrypted, context) {
      const bytes = Buffer.from(encrypted, 'base64');
      const [nonce, rest] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)];
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
          .setAAD(Buffer.from(context))
          .setAuthTag(rest.subarray(0, TAG_BYTES));
        return decipher.update(rest.subarray(TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        return null;
      }
    },
  };
}
