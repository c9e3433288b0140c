import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createTestClient } from '../../client.ts';
import { FollowRunDocument } from '../../generated/graphql.ts';
import { converse, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { ask, bearing, codeOf, entry, sha256, startGuarded, tokens } from './accounts.ts';

const viewerQuery = '{ viewer { principal scopes } }';

function createSocketClient(url: string, connectionParams: () => Record<string, unknown>, retryAttempts = 0) {
  const closed: { code: number; reason: string }[] = [];
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts,
    lazyCloseTimeout: 0,
    retryWait: async () => {},
    on: { closed: (event) => closed.push(event as (typeof closed)[number]) },
  });
  onTestFinished(async () => client.dispose());
  return { client, closed };
}

async function overSocket(
  url: string,
  connectionParams: Record<string, unknown>,
  query = viewerQuery,
): Promise<unknown> {
  const { client } = createSocketClient(url, () => connectionParams);
  for await (const result of client.iterate({ query })) return result;
  return null;
}

describe('tokens', () => {
  test('B58: without a valid token, only the health checks answer', async () => {
    const { url } = await startGuarded();
    for (const headers of [{}, bearing('wrong'), { authorization: 'Basic YTpi' }, bearing(sha256(tokens.ada))]) {
      for (const query of [
        viewerQuery,
        '{ __schema { types { name } } }',
        '{ vewer }',
        'not graphql at all',
        'mutation { x }',
      ]) {
        const answer = await ask(url, query, headers);
        expect([answer.status, codeOf(answer)]).toEqual([401, 'UNAUTHENTICATED']);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
        expect(answer.text).not.toMatch(/viewer|Syntax|did you mean/i);
      }
      const byGet = await fetch(`${url}?query=${encodeURIComponent(viewerQuery)}`, { headers });
      expect(byGet.status).toBe(401);
      const stream = await ask(url, 'subscription { approvalEvents { approval { id } } }', {
        ...headers,
        accept: 'text/event-stream',
      });
      expect(stream.status).toBe(401);
    }
    for (const path of ['/livez', '/readyz']) expect((await fetch(new URL(path, url))).status).toBe(200);
  });

  test('B58: a valid token authenticates over HTTP, over WebSocket and for an event stream', async () => {
    const { url } = await startGuarded();
    const viewer = { principal: 'bob', scopes: ['read', 'write', 'approve', 'admin'] };
    expect((await ask(url, viewerQuery, bearing(tokens.bob))).body).toEqual({ data: { viewer } });
    for (const name of ['authorization', 'Authorization']) {
      expect(await overSocket(url, { [name]: `Bearer ${tokens.bob}` })).toEqual({ data: { viewer } });
    }
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearing(tokens.bob) },
      body: JSON.stringify({ query: 'subscription { runEvents(runId: "run_00000000000000000000000000") { seq } }' }),
    });
    expect(await response.text()).toContain('There is no run');
  });

  test('B58: a WebSocket without a valid token is closed with a code after which clients reconnect', async () => {
    const { url } = await startGuarded();
    for (const params of [{}, { authorization: 'Bearer wrong' }, { authorization: 7 }]) {
      await expect(overSocket(url, params)).rejects.toMatchObject({ code: 4403 });
    }
  });

  test('B58: an operation without its scope is FORBIDDEN and changes nothing', async () => {
    const { url, gateway } = await startGuarded();
    const sendMessage =
      'mutation { sendMessage(input: {sessionKey: "s", text: "/hang"}) { ... on SendMessageSuccess { run { id state } cursor } } }';
    expect(codeOf(await ask(url, sendMessage, bearing(tokens.adaReads)))).toBe('FORBIDDEN');
    expect(codeOf(await ask(url, sendMessage, bearing(tokens.adaApproves)))).toBe('FORBIDDEN');
    expect(codeOf(await ask(url, viewerQuery, bearing(tokens.adaWrites)))).toBe('FORBIDDEN');
    const decide = 'mutation { decideApproval(input: {approvalId: "apr_x", decision: ALLOW}) { __typename } }';
    expect(codeOf(await ask(url, decide, bearing(tokens.adaWrites)))).toBe('FORBIDDEN');
    expect(codeOf(await ask(url, decide, bearing(tokens.adaApproves)))).toBeUndefined();
    const subscription = 'subscription { approvalEvents { approval { id } } }';
    expect(await overSocket(url, { authorization: `Bearer ${tokens.adaWrites}` }, subscription)).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    expect(await gateway.parts.database.reader.run.count()).toBe(0);
  });

  test('B58: without the scope read, a mutation returns only what it created', async () => {
    const { url, gateway } = await startGuarded();
    const allowed =
      'mutation { sendMessage(input: {sessionKey: "s", text: "Hello"}) { ... on SendMessageSuccess { run { id state } cursor } } }';
    const { data } = (await ask(url, allowed, bearing(tokens.adaWrites))).body;
    expect(data).toMatchObject({ sendMessage: { run: { id: expect.stringMatching(/^run_/), state: 'IN_PROGRESS' } } });
    const tooDeep =
      'mutation { sendMessage(input: {sessionKey: "s", text: "Hello"}) { ...S } } fragment S on SendMessageSuccess { run { session { id } } }';
    expect(codeOf(await ask(url, tooDeep, bearing(tokens.adaWrites)))).toBe('FORBIDDEN');
    expect(await gateway.parts.database.reader.run.count()).toBe(1);
  });
});

describe('expiry of a token', () => {
  /** A clock on which an hour passes when the test calls `pass`. Shorter timers run in real time. */
  function createHourClock() {
    const hour = 3_600_000;
    const callbacks = new Set<() => void>();
    let passed = 0;
    const clock: Clock = {
      ...systemClock,
      now: () => systemClock.now() + passed,
      after(milliseconds, callback) {
        if (milliseconds < hour / 2 || milliseconds > hour) return systemClock.after(milliseconds, callback);
        callbacks.add(callback);
        return () => callbacks.delete(callback);
      },
    };
    const expiresAt = new Date(Date.now() + hour).toISOString();
    const pass = () => {
      passed = hour;
      for (const callback of [...callbacks]) callback();
    };
    return { clock, expiresAt, pass, timers: () => callbacks.size };
  }

  test('B58: closes the WebSocket; the client reconnects with a new token and continues after its cursor', async () => {
    const hour = createHourClock();
    const auth = {
      mode: 'tokens',
      tokens: [
        entry('old', 'ada', ['read', 'write'], { expiresAt: hour.expiresAt }),
        entry('new', 'ada', ['read', 'write']),
      ],
    };
    const { url } = await startGuarded({ auth }, { clock: hour.clock });
    await using client = createTestClient(url, bearing('new'));
    const { run } = await send(client, { sessionKey: 's', text: '/call http_fetch {"url": "https://example.com"}' });
    let token = 'old';
    const { client: follower, closed } = createSocketClient(url, () => ({ authorization: `Bearer ${token}` }), 3);
    const seen: { seq: number; cursor: string }[] = [];
    const query =
      'subscription ($runId: ID!, $after: String) { runEvents(runId: $runId, after: $after) { seq cursor } }';
    for await (const { data } of follower.iterate<{ runEvents: (typeof seen)[number] }>({
      query,
      variables: { runId: run.id },
    })) {
      if (data) seen.push(data.runEvents);
      token = 'new';
      if (seen.length === 3) hour.pass();
      if (closed.length > 0) break;
    }
    expect(closed[0]).toMatchObject({ code: 4403, reason: expect.stringContaining('expired') });
    const after = seen.at(2)?.cursor;
    for await (const { data } of follower.iterate<{ runEvents: (typeof seen)[number] }>({
      query,
      variables: { runId: run.id, after },
    })) {
      expect(data?.runEvents.seq).toBe(4);
      break;
    }
  });

  test('B58: cuts an event stream, and the token is rejected from then on', async () => {
    const hour = createHourClock();
    const auth = { mode: 'tokens', tokens: [entry('old', 'ada', ['read'], { expiresAt: hour.expiresAt })] };
    const { url } = await startGuarded({ auth }, { clock: hour.clock });
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream', ...bearing('old') };
    const query = 'subscription { approvalEvents { approval { id } } }';
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
    expect(response.status).toBe(200);
    expect(hour.timers()).toBe(1);
    hour.pass();
    await expect(response.text()).rejects.toThrow();
    const later = await ask(url, viewerQuery, bearing('old'));
    expect([later.status, later.body.errors?.[0]?.message]).toEqual([401, 'The token has expired. Get a new one.']);
  });
});

describe('JSON Web Tokens', () => {
  const claims = { issuer: 'https://id.example.com', audience: 'runtape' };

  async function createProvider() {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const sign = (
      payload: object,
      { expires = '1h', issuer = claims.issuer, audience = claims.audience, key = privateKey } = {},
    ) =>
      new SignJWT({ ...payload })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(expires)
        .sign(key);
    return { sign, publicKey };
  }

  test('B58: are verified by signature, issuer, audience, expiry, principal and scopes', async () => {
    const { sign, publicKey } = await createProvider();
    const keys = createServer(async (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] }));
    });
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void keys.close());
    const jwksUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`;
    const { url } = await startGuarded({ auth: { mode: 'jwt', jwksUrl, algorithm: 'ES256', ...claims } });
    const valid = await sign({ sub: 'ada', scope: 'openid read write' });
    expect((await ask(url, viewerQuery, bearing(valid))).body).toEqual({
      data: { viewer: { principal: 'ada', scopes: ['read', 'write'] } },
    });
    const otherKey = (await generateKeyPair('ES256')).privateKey;
    const invalid = [
      await sign({ sub: 'ada' }, { expires: '-1h' }),
      await sign({ sub: 'ada' }, { issuer: 'https://else.example.com' }),
      await sign({ sub: 'ada' }, { audience: 'else' }),
      await sign({ sub: 'ada' }, { key: otherKey }),
      await sign({ scope: 'read' }),
      `${valid.slice(0, -4)}AAAA`,
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${valid.split('.')[1]}.`,
    ];
    for (const token of invalid) expect((await ask(url, viewerQuery, bearing(token))).status).toBe(401);
    expect(codeOf(await ask(url, viewerQuery, bearing(await sign({ sub: 'ada', scope: 'openid' }))))).toBe('FORBIDDEN');
  });

  test('B58: are refused with the reason if they name no clear principal, or approve:any without approve', async () => {
    const { sign, publicKey } = await createProvider();
    const { url } = await startGuarded({
      auth: { mode: 'jwt', publicKey: await exportSPKI(publicKey), algorithm: 'ES256', ...claims },
    });
    const refused = [
      ...[' ada', 'ada ', 'ada\0', 'ada\n', '', 'x'.repeat(201), 7].map((sub) => [{ sub, scope: 'read' }, 'principal']),
      [{ sub: 'ada', scope: 'read approve:any' }, 'approve:any'],
      [{ sub: 'ada', scope: 'approve approve:any' }, 'approve:any'],
    ] as const;
    for (const [payload, reason] of refused) {
      const answer = await ask(url, viewerQuery, bearing(await sign(payload as object)));
      expect([payload, answer.status, codeOf(answer)]).toEqual([payload, 401, 'UNAUTHENTICATED']);
      expect(answer.body.errors?.[0]?.message).toContain(reason);
    }
    const approver = await sign({ sub: 'ada', scope: 'read approve approve:any' });
    expect((await ask(url, viewerQuery, bearing(approver))).status).toBe(200);
  });

  test('are verified by a key in the configuration; without the keys of the provider the error is UNAVAILABLE', async () => {
    const { sign, publicKey } = await createProvider();
    const { url } = await startGuarded({
      auth: { mode: 'jwt', publicKey: await exportSPKI(publicKey), algorithm: 'ES256', ...claims },
    });
    const valid = await sign({ sub: 'ada', scope: ['read'] });
    expect((await ask(url, viewerQuery, bearing(valid))).body).toMatchObject({
      data: { viewer: { principal: 'ada' } },
    });
    const withoutProvider = await startGuarded({
      auth: { mode: 'jwt', jwksUrl: 'http://127.0.0.1:9/jwks', algorithm: 'ES256', ...claims },
    });
    const answer = await ask(withoutProvider.url, viewerQuery, bearing(valid));
    expect([answer.status, codeOf(answer)]).toEqual([503, 'UNAVAILABLE']);
  });
});

test('without authentication, every client is the local operator', async () => {
  const { url, client } = await startTestGateway({ authenticate: undefined });
  expect((await ask(url, viewerQuery)).body).toMatchObject({ data: { viewer: { principal: 'local' } } });
  const { runId } = await converse(client, { sessionKey: 's', text: 'Hello' });
  const events = [];
  for await (const event of client.follow(FollowRunDocument, { runId })) events.push(event);
  expect(events.length).toBeGreaterThan(3);
});
