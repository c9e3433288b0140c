import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import type { JwtConfig, TokenEntry } from '../../../src/config/access-config.ts';
import { StartError } from '../../../src/config/start-error.ts';
import { createLogger } from '../../../src/logger.ts';
import { createAuthentication } from '../../../src/server/access/authentication/create-authentication.ts';
import { bearerToken, credentialsOf } from '../../../src/server/access/authentication/identity.ts';
import { authenticateByToken, createToken, hashOfToken } from '../../../src/server/access/authentication/tokens.ts';
import { limitConnections } from '../../../src/server/access/concurrency-limit.ts';

const logger = createLogger('silent');
const now = Date.UTC(2026, 10, 26);
const bearing = (authorization: string) => ({ headers: { authorization }, connectionParams: {} });

describe('the token of a client', () => {
  test.each([
    ['Bearer abc', 'abc'],
    ['  bearer   abc ', 'abc'],
    ['Bearer', null],
    ['Bearer a b', null],
    ['xBearer abc', null],
    ['Basic abc', null],
  ])('in %j is %j', (authorization, token) => {
    expect(bearerToken(bearing(authorization))).toBe(token);
    for (const name of ['authorization', 'Authorization']) {
      expect(bearerToken({ headers: {}, connectionParams: { [name]: authorization } })).toBe(token);
    }
  });

  test('of a WebSocket comes from its first message, or else from its headers', () => {
    const headers = { authorization: 'Bearer header' };
    expect(bearerToken({ headers, connectionParams: { authorization: 'Bearer message' } })).toBe('message');
    expect(bearerToken({ headers, connectionParams: {} })).toBe('header');
    expect(bearerToken({ headers, connectionParams: { authorization: 7 } })).toBeNull();
    expect(bearerToken({ headers: {}, connectionParams: {} })).toBeNull();
  });
});

test('the credentials of a client are its headers, what its socket sent, and its address', () => {
  const headers = { authorization: 'Bearer a' };
  const request = { headers, socket: { remoteAddress: '10.0.0.1' } } as unknown as IncomingMessage;
  expect(credentialsOf(request)).toEqual({ headers, connectionParams: {}, address: '10.0.0.1' });
  expect(credentialsOf(request, { token: 'b' })).toMatchObject({ connectionParams: { token: 'b' } });
});

describe('B58: tokens of the configuration', () => {
  function open() {
    const [token, expiring] = [createToken(), createToken()];
    let time = now;
    const { authenticate } = authenticateByToken(
      [
        { sha256: hashOfToken(token), principal: 'ada', scopes: ['read', 'write'] },
        {
          sha256: hashOfToken(expiring),
          principal: 'bob',
          scopes: ['read'],
          expiresAt: new Date(now + 1000).toISOString(),
        },
      ],
      () => time,
    );
    const advance = (milliseconds: number) => {
      time += milliseconds;
    };
    return { token, expiring, advance, authenticate: (authorization: string) => authenticate(bearing(authorization)) };
  }

  test('are random, and recognisable', () => {
    const { token, expiring } = open();
    expect(token).toMatch(/^rt_[\w-]{43}$/);
    expect(token).not.toBe(expiring);
    expect(hashOfToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  test('name a principal and its scopes, until they expire', () => {
    const { token, expiring, advance, authenticate } = open();
    expect(authenticate(`Bearer ${token}`)).toMatchObject({ principal: 'ada', scopes: ['read', 'write'] });
    expect(authenticate(`Bearer ${expiring}`)).toMatchObject({
      principal: 'bob',
      scopes: ['read'],
      expiresAt: now + 1000,
    });
    advance(999);
    expect(authenticate(`Bearer ${expiring}`)).toMatchObject({ principal: 'bob' });
    advance(1);
    expect(() => authenticate(`Bearer ${expiring}`)).toThrow('The token has expired.');
    expect(authenticate(`Bearer ${token}`)).toMatchObject({ principal: 'ada' });
  });

  test('are refused if they are missing or unknown', () => {
    const { token, authenticate } = open();
    const refused = (authorization: string) => () => authenticate(authorization);
    expect(refused('')).toThrow('A token is required.');
    expect(refused('')).toThrow(
      expect.objectContaining({ extensions: expect.objectContaining({ code: 'UNAUTHENTICATED' }) }),
    );
    expect(refused(`Bearer ${createToken()}`)).toThrow('The token is not valid.');
    expect(refused(`Bearer ${hashOfToken(token)}`)).toThrow('The token is not valid.');
  });
});

test('B58: an authentication by tokens accepts the identities of its own entries only', async () => {
  const entry: TokenEntry = { sha256: hashOfToken('a'), principal: 'ada', scopes: ['read'] };
  const auth = { mode: 'tokens', tokens: [entry] };
  const { authenticate, accepts } = await createAuthentication({ auth } as never, () => now, logger);
  const identity = await authenticate(bearing('Bearer a'));
  expect(accepts(identity)).toBe(true);
  expect(accepts({ ...identity, acceptedBy: { ...entry, scopes: ['read', 'write'] } })).toBe(false);
  expect(accepts({ principal: 'ada', scopes: ['read'] })).toBe(false);
  expect(accepts({ ...identity, acceptedBy: { mode: 'jwt' } as JwtConfig })).toBe(false);
});

/** An identity provider with its key, and the authentication by its tokens. */
async function openProvider() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const config: JwtConfig = {
    mode: 'jwt',
    issuer: 'https://id.example.com',
    audience: 'runtape',
    algorithm: 'ES256',
    publicKey: await exportSPKI(publicKey),
    principalClaim: 'sub',
    scopeClaim: 'scope',
  };
  const { authenticate } = await createAuthentication({ auth: config } as never, () => now, logger);
  const sign = (payload: JWTPayload, key = privateKey, expiresIn: number | null = 60) => {
    const token = new SignJWT({ iss: config.issuer, aud: config.audience, ...payload })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuedAt(now / 1000);
    return (expiresIn === null ? token : token.setExpirationTime(now / 1000 + expiresIn)).sign(key);
  };
  const identityOf = async (token: string | Promise<string>) => authenticate(bearing(`Bearer ${await token}`));
  return { config, privateKey, sign, identityOf };
}

describe('B58: tokens of an identity provider', () => {
  const claims = { sub: 'ada', scope: 'read write other:scope' };

  test('name a principal and the known of its scopes', async () => {
    const { sign, identityOf } = await openProvider();
    expect(await identityOf(sign(claims))).toMatchObject({
      principal: 'ada',
      scopes: ['read', 'write'],
      expiresAt: now + 65_000,
    });
    expect(await identityOf(sign({ sub: 'ada', scope: ['read', 'approve', 'approve:any', 7] }))).toMatchObject({
      scopes: ['read', 'approve', 'approve:any'],
    });
    expect(await identityOf(sign({ sub: 'ada', scope: { read: true } }))).toMatchObject({ scopes: [] });
    expect(await identityOf(sign({ sub: 'ada' }))).toMatchObject({ scopes: [] });
    expect(await identityOf(sign({ sub: 'ada', scope: 'read  write' }))).toMatchObject({ scopes: ['read', 'write'] });
  });

  test('are accepted a few seconds after they expired, because clocks differ', async () => {
    const { privateKey, sign, identityOf } = await openProvider();
    expect(await identityOf(sign(claims, privateKey, -4))).toMatchObject({ expiresAt: now + 1000 });
    await expect(identityOf(sign(claims, privateKey, -6))).rejects.toThrow('The token has expired.');
  });

  type Provider = Awaited<ReturnType<typeof openProvider>>;

  test.each<[string, (provider: Provider) => string | Promise<string>]>([
    ['another key', async ({ sign }) => sign(claims, (await openProvider()).privateKey)],
    ['another issuer', ({ sign }) => sign({ ...claims, iss: 'https://evil.example.com' })],
    ['another audience', ({ sign }) => sign({ ...claims, aud: 'other' })],
    ['no expiry', ({ sign, privateKey }) => sign(claims, privateKey, null)],
    ['no principal', ({ sign }) => sign({ scope: 'read' })],
    ['an empty principal', ({ sign }) => sign({ sub: '', scope: 'read' })],
    ['a principal that is not a text', ({ sign }) => sign({ ...claims, sub: 7 as never })],
    ['approve:any without approve', ({ sign }) => sign({ sub: 'ada', scope: 'approve:any' })],
    ['no token', () => ''],
    ['a text that is no token', () => 'a.b.c'],
  ])('are refused with %s', async (_name, tokenOf) => {
    const provider = await openProvider();
    await expect(provider.identityOf(tokenOf(provider))).rejects.toMatchObject({
      extensions: { code: 'UNAUTHENTICATED' },
    });
  });

  test('are refused with the reason', async () => {
    const { sign, identityOf } = await openProvider();
    await expect(identityOf('')).rejects.toThrow('A token is required.');
    await expect(identityOf('a.b.c')).rejects.toThrow('The token is not valid.');
    await expect(identityOf(sign({ scope: 'read' }))).rejects.toThrow('The token names no principal');
    await expect(identityOf(sign({ sub: 'ada', scope: 'approve:any' }))).rejects.toThrow('"approve:any" without');
  });

  test('are accepted again after a reload that changes nothing about their provider', async () => {
    const { config, sign, identityOf } = await openProvider();
    const identity = await identityOf(sign(claims));
    const accepts = async (auth: JwtConfig) =>
      (await createAuthentication({ auth } as never, () => now, logger)).accepts(identity);
    expect(await accepts({ ...config })).toBe(true);
    expect(await accepts({ ...config, audience: 'other' })).toBe(false);
  });

  test('cannot be verified with a key that is not one', async () => {
    const { config } = await openProvider();
    const broken = createAuthentication({ auth: { ...config, publicKey: 'x' } } as never, () => now, logger);
    await expect(broken).rejects.toThrow(StartError);
    await expect(broken).rejects.toThrow(
      'auth.publicKey is not a public key for ES256. Use PEM (SubjectPublicKeyInfo).',
    );
  });
});

test('without accounts, every client is the operator', async () => {
  const { authenticate, accepts } = await createAuthentication({ auth: { mode: 'none' } } as never, () => now, logger);
  expect(accepts({ principal: 'local', scopes: [] })).toBe(true);
  expect(await authenticate({ headers: {}, connectionParams: {} })).toEqual({
    principal: 'local',
    scopes: ['read', 'write', 'approve', 'approve:any', 'admin'],
  });
});

test('B60: connections of one address beyond the limit are closed', () => {
  class FakeSocket extends EventEmitter {
    isDestroyed = false;
    readonly remoteAddress: string | undefined;
    constructor(address?: string) {
      super();
      this.remoteAddress = address;
    }
    destroy() {
      this.isDestroyed = true;
    }
  }
  const server = new EventEmitter();
  limitConnections(server as Server, 1);
  const connect = (address?: string) => {
    const socket = new FakeSocket(address);
    server.emit('connection', socket);
    return socket;
  };
  const [first, second, other] = [connect('10.0.0.1'), connect('10.0.0.1'), connect('10.0.0.2')];
  expect([first, second, other].map(({ isDestroyed }) => isDestroyed)).toEqual([false, true, false]);
  second.emit('close');
  expect(connect('10.0.0.1').isDestroyed).toBe(true);
  first.emit('close');
  expect(connect('10.0.0.1').isDestroyed).toBe(false);
  expect([connect().isDestroyed, connect().isDestroyed]).toEqual([false, true]);
});
