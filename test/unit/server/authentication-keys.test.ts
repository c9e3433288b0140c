import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, expect, test, vi } from 'vitest';
import type { JwtConfig } from '../../../src/config/access-config.ts';
import { createAuthentication } from '../../../src/server/access/authentication/create-authentication.ts';

const now = Date.UTC(2026, 10, 26);
const jwksUrl = 'https://id.example.com/keys';

afterEach(() => void vi.unstubAllGlobals());

/** Authentication by keys that are fetched. `answer` is what the address of the keys returns for this public key. */
async function openProvider(answer: (publicJwk: object) => Promise<Response> | Response) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  const fetched: string[] = [];
  vi.stubGlobal('fetch', async (url: URL | string) => {
    fetched.push(String(url));
    return answer(publicJwk);
  });
  const config: JwtConfig = {
    mode: 'jwt',
    issuer: 'https://id.example.com',
    audience: 'runtape',
    algorithm: 'ES256',
    jwksUrl,
    principalClaim: 'sub',
    scopeClaim: 'scope',
  };
  const warnings: unknown[] = [];
  const logger = { warn: (...warning: unknown[]) => void warnings.push(warning) } as never;
  const { authenticate } = await createAuthentication({ auth: config } as never, () => now, logger);
  const identityOf = async (kid = 'one') => {
    const token = await new SignJWT({ iss: config.issuer, aud: config.audience, sub: 'ada', scope: 'read' })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setExpirationTime(now / 1000 + 60)
      .sign(privateKey);
    return authenticate({ headers: { authorization: `Bearer ${token}` }, connectionParams: {} });
  };
  return { identityOf, fetched, warnings };
}

test('B58: the keys of an identity provider are fetched once, for the first token', async () => {
  const { identityOf, fetched } = await openProvider((key) => Response.json({ keys: [key] }));
  expect(fetched).toEqual([]);
  expect(await identityOf()).toMatchObject({ principal: 'ada', scopes: ['read'] });
  await identityOf();
  expect(fetched).toEqual([jwksUrl]);
});

test('B58: a token that names an unknown key is refused', async () => {
  const { identityOf, warnings } = await openProvider((key) => Response.json({ keys: [key] }));
  await expect(identityOf('other')).rejects.toThrow('The token is not valid.');
  expect(warnings).toEqual([]);
});

test.each<[string, () => Promise<Response> | Response]>([
  ['cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
  ['does not answer in time', () => Promise.reject(new DOMException('late', 'TimeoutError'))],
  ['fails', () => new Response('', { status: 503 })],
  ['returns something else than JSON', () => new Response('<html>')],
  ['returns JSON without keys', () => Response.json({})],
])('B58: a token is not refused for good while the identity provider %s', async (_name, answer) => {
  const { identityOf, warnings } = await openProvider(answer);
  await expect(identityOf()).rejects.toMatchObject({
    message: 'The token cannot be verified now: the identity provider does not respond. Try again later.',
    extensions: { code: 'UNAVAILABLE' },
  });
  expect(warnings).toEqual([[{ err: expect.any(Error), jwksUrl }, 'cannot fetch the keys of the identity provider']]);
});
