import { describe, expect, test } from 'vitest';
import { createSigner, isSignedBy, purgeStatement } from '../../../src/journal/signer.ts';

describe('the signing key', () => {
  test('signs as RFC 8032 says', () => {
    const key = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const signer = createSigner(key);
    expect(Buffer.from(signer.publicKey, 'base64url').toString('hex')).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    expect(Buffer.from(signer.sign(''), 'base64url').toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
  });

  test('accepts only its own signature of the same statement', () => {
    const [signer, other] = [createSigner(Buffer.alloc(32, 1)), createSigner(Buffer.alloc(32, 2))];
    const statement = purgeStatement('ses_1', 1000);
    const signature = signer.sign(statement);
    expect(isSignedBy(signer.publicKey, statement, signature)).toBe(true);
    expect(isSignedBy(other.publicKey, statement, signature)).toBe(false);
    expect(isSignedBy(signer.publicKey, purgeStatement('ses_1', 1001), signature)).toBe(false);
    expect(isSignedBy(signer.publicKey, purgeStatement('ses_2', 1000), signature)).toBe(false);
    for (const wrong of ['', 'x', '\0', 'A'.repeat(10_000)]) {
      expect(isSignedBy(signer.publicKey, statement, wrong)).toBe(false);
      expect(isSignedBy(wrong, statement, signature)).toBe(false);
    }
  });
});
