import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';

/** Signs with Ed25519 (RFC 8032). */
export interface Signer {
  /** The 32 bytes of the public key, in base64url. */
  publicKey: string;
  /** The signature in base64url. */
  sign(text: string): string;
}

/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** @param key 32 random bytes */
export function createSigner(key: Uint8Array): Signer {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, key]), format: 'der', type: 'pkcs8' });
  const { x: publicKey = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { publicKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url') };
}

/** False also for keys and signatures that are malformed. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}

/** What a signature of a purge covers. `purgedAt` is in epoch milliseconds. */
export function purgeStatement(sessionId: string, purgedAt: number): string {
  return `runtape purge\n${sessionId}\n${purgedAt}`;
}
