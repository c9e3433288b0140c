import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../../client.ts';
import { follow, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { iterate, openSocket } from '../transport/socket.ts';
import { collect } from '../transport/sse.ts';
import { ask, bearing, codeOf, startGuarded, tokens } from './accounts.ts';

const nest = (depth: number) =>
  `{ run(id: "r") ${'{ session { lastRun '.repeat(depth)} { id } ${'} }'.repeat(depth)} }`;
const chain = (count: number) =>
  `{ viewer { ...f0 } } ${Array.from({ length: count }, (_, index) => `fragment f${index} on Viewer { ...f${index + 1} ...f${index + 1} }`).join(' ')} fragment f${count} on Viewer { principal }`;

describe('B60: a document above a limit is rejected before it is executed', () => {
  const rejected: [string, string, string][] = [
    ['depth', nest(30), 'documentDepth'],
    [
      'aliases',
      `{ ${Array.from({ length: 60 }, (_, index) => `a${index}: viewer { principal }`).join(' ')} }`,
      'documentAliases',
    ],
    ['directives', `{ viewer { principal ${'@include(if: true) '.repeat(120)} } }`, 'documentDirectives'],
    ['breadth', `{ viewer { ${'principal '.repeat(300)} } }`, 'documentBreadth'],
    ['recursive fragments', '{ viewer { ...f } } fragment f on Viewer { ...f }', 'documentDepth'],
    [
      'cost',
      '{ sessions(first: 100) { nodes { runs(first: 100) { nodes { id session { id } } } } } }',
      'operationCost',
    ],
    ['introspection', '{ __schema { types { fields { type { fields { name } } } } } }', 'operationCost'],
    [
      'two introspections',
      '{ a: __schema { types { fields { name } } } b: __schema { types { fields { name } } } }',
      'operationCost',
    ],
    [
      'cost of messages',
      '{ sessions(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }',
      'operationCost',
    ],
  ];

  test('over HTTP and over WebSocket', async () => {
    const { url } = await startTestGateway();
    for (const [name, query, limit] of rejected) {
      const answer = await ask(url, query);
      const expected = { code: 'LIMIT_EXCEEDED', limit };
      expect([name, answer.body.errors?.[0]?.extensions]).toEqual([name, expected]);
      const results = await collect(iterate(openSocket(url), query)).catch((errors: unknown) => [{ errors }]);
      expect([name, results]).toMatchObject([name, [{ errors: [{ extensions: expected }] }]]);
    }
  });

  test('also by tokens, comments, batches, size and depth of JSON; an introspection query is not', async () => {
    const { url } = await startTestGateway();
    const long = await ask(url, `{ ${'viewer { principal } '.repeat(3000)} }`);
    expect(long.body.errors?.[0]?.message).toContain('tokens');
    const commented = await ask(url, `{ viewer { principal } }${'\n#'.repeat(1001)}`);
    expect(commented.body.errors?.[0]?.message).toContain('comments');
    const batch = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '[{"query":"{viewer{principal}}"},{"query":"{viewer{principal}}"}]',
    });
    expect(batch.status).toBe(400);
    expect((await ask(url, getIntrospectionQuery())).body.errors).toBeUndefined();
    // Following every spread of this chain would take 2^100 steps.
    expect((await ask(url, chain(100))).body.errors).toBeUndefined();
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const json = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"query":"query ($i: JSON!) { explainPolicy(tool: \\"clock\\", sessionId: \\"s\\", input: $i) { reason } }","variables":{"i":${deep}}}`,
    });
    expect(await json.text()).toContain('nested more than 80 levels deep');
    expect((await ask(url, '{ viewer { principal } }')).status).toBe(200);
  });
});

const limit = 512 * 1024;

describe('B60: a body', () => {
  const padded = (bytes: number) => Buffer.from('{"query":"{ viewer { principal } }"}'.padEnd(bytes));

  /** The status of the response to the headers and these pieces of a body. The request is not ended before it arrives. */
  async function statusOf(url: string, headers: Record<string, string | number>, ...pieces: Buffer[]): Promise<number> {
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
    sent.flushHeaders();
    for (const piece of pieces) sent.write(piece);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    sent.destroy();
    return response.statusCode ?? 0;
  }

  test('above 512 KiB gets the response 413, by its length before it is sent, or while it is read', async () => {
    const { url } = await startTestGateway();
    expect(await statusOf(url, { 'content-length': limit + 1 })).toBe(413);
    expect(await statusOf(url, {}, padded(limit), Buffer.from(' '))).toBe(413);
    expect(await statusOf(url, { 'content-length': limit }, padded(limit))).toBe(200);
    expect((await ask(url, '{ viewer { principal } }')).status).toBe(200);
  });

  test('may be longer if the configuration says so; the response 413 names the limit, as a GraphQL error', async () => {
    const { url } = await startTestGateway({ file: { traffic: { bodyBytes: 2 * limit } } });
    expect(await statusOf(url, { 'content-length': 2 * limit }, padded(2 * limit))).toBe(200);
    const { status, headers, body } = await ask(url, ' '.repeat(2 * limit));
    expect([status, headers.get('content-type')]).toEqual([413, 'application/json; charset=utf-8']);
    expect(body.errors).toEqual([
      {
        message: 'The body is longer than 1048576 bytes, which is the limit. Send a shorter one.',
        extensions: { code: 'LIMIT_EXCEEDED', limit: 'bodyBytes' },
      },
    ]);
  });
});

describe('B60: the traffic of a principal', () => {
  const start = () => startGuarded({ traffic: { pointsPerMinute: 50 } });

  test('is charged for faulty requests too', async () => {
    const { url } = await start();
    const faults = ['{', '[]', '{"query":"{ nothing }"}', '{"query":"{"}', '{}', '{"query":"{ viewer }","x":1}'];
    const statuses = [];
    for (let count = 0; count < 70; count += 1) {
      const body = faults[count % faults.length] ?? '';
      const headers = { 'content-type': 'application/json', ...bearing(tokens.ada) };
      statuses.push((await fetch(url, { method: 'POST', headers, body })).status);
    }
    // A minute of the clock may end in between, after which there are 50 new points.
    expect(statuses.filter((status) => status !== 429).length).toBeLessThanOrEqual(100);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(1);
    const get = await fetch(`${url}?query=%7B`, { headers: bearing(tokens.ada) });
    expect([400, 200, 429]).toContain(get.status);
  });

  test('is charged by the length of a request', async () => {
    const { url } = await start();
    const statuses = [];
    for (let count = 0; count < 4; count += 1) {
      statuses.push((await ask(url, ' '.repeat(limit - 100), bearing(tokens.ada))).status);
    }
    // 32 points each: the second is refused, or the third if a minute of the clock ends in between.
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2);
  });
});

describe('B60: the points of a principal', () => {
  test('is limited in points a minute; the error says when to retry, and other principals are served', async () => {
    const { url } = await startGuarded({ traffic: { pointsPerMinute: 10 } });
    const answers = [];
    for (let count = 0; count < 25; count += 1)
      answers.push(await ask(url, '{ viewer { principal } }', bearing(tokens.ada)));
    expect(answers.slice(0, 10).map(({ status }) => status)).toEqual(Array(10).fill(200));
    const last = answers.findLast((answer) => codeOf(answer) === 'RATE_LIMITED');
    expect(last?.status).toBe(429);
    expect(last?.body.errors?.[0]?.extensions).toEqual({ code: 'RATE_LIMITED', retryAfter: expect.any(Number) });
    expect(last?.headers.get('retry-after')).toBe(String(last?.body.errors?.[0]?.extensions?.retryAfter));
    expect((await ask(url, '{ viewer { principal } }', bearing(tokens.bob))).status).toBe(200);
  });

  test('is used for the history that a follower reads', async () => {
    const { url } = await startTestGateway({ file: { traffic: { pointsPerMinute: 60 } } });
    const headers = { 'x-principal': 'ada' };
    await using client = createTestClient(url, headers);
    const { run } = await send(client, { sessionKey: 'long', text: '/words 200' });
    await follow(client, run.id);
    const query = `subscription { runEventBatches(runId: "${run.id}", maxBatch: 1) { events { seq } } }`;
    const minute = () => Math.floor(Date.now() / 60_000);
    for (let isSameMinute = false; !isSameMinute; ) {
      const before = minute();
      const batches = await collect(iterate(openSocket(url), query));
      let served = 0;
      while ((await ask(url, '{ viewer { principal } }', headers)).status === 200) served += 1;
      isSameMinute = before === minute();
      // 5 for the subscription, and 6 for 100 pages with one event.
      if (isSameMinute) expect(served).toBeLessThan(60 - 5 - 0.05 * batches.length);
    }
  });

  test('is limited in active subscriptions; one that ends makes room for another', async () => {
    const { url } = await startTestGateway({ file: { traffic: { subscriptionsPerPrincipal: 2 } } });
    const query = 'subscription { approvalEvents { approval { id } } }';
    const socket = openSocket(url);
    const open = [iterate(socket, query), iterate(socket, query)];
    const waiting = open.map((results) => results.next());
    const third = () =>
      collect(iterate(socket, 'subscription { runEvents(runId: "run_00000000000000000000000000") { seq } }'));
    await expect
      .poll(async () => (await third())[0]?.errors?.[0]?.extensions)
      .toMatchObject({ limit: 'subscriptionsPerPrincipal' });
    const [first] = open;
    await first?.return?.();
    await expect.poll(async () => (await third())[0]?.errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND' });
    await open[1]?.return?.();
    await Promise.all(waiting);
  });
});

test('B60: connections of one address are limited; one that closes makes room for another', async () => {
  const { url } = await startTestGateway({ file: { traffic: { connectionsPerAddress: 20 } } });
  const { port, hostname } = new URL(url);
  const sockets = Array.from({ length: 60 }, () => connect(Number(port), hostname));
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  const closed = new Set<unknown>();
  for (const socket of sockets) socket.on('error', () => {}).once('close', () => closed.add(socket));
  await expect.poll(() => closed.size).toBe(40);
  const [open] = sockets.filter((socket) => !closed.has(socket));
  open?.end();
  if (open) await once(open, 'close');
  await expect
    .poll(async () =>
      fetch(new URL('/livez', url)).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200);
});

test('with a document list, every transport executes only the documents of the list', async () => {
  const { mkdtemp, writeFile, rm } = await import('node:fs/promises');
  const folder = await mkdtemp('/tmp/runtape-documents-');
  onTestFinished(() => rm(folder, { recursive: true }));
  const query = '{ viewer { principal } }';
  await writeFile(`${folder}/documents.json`, JSON.stringify({ viewer: query }));
  const { url } = await startTestGateway({ file: { documents: `${folder}/documents.json` } });
  expect((await ask(url, query)).body.data).toEqual({ viewer: { principal: 'ada' } });
  const byId = { extensions: { persistedQuery: { version: 1, sha256Hash: 'viewer' } } };
  const post = (body: object) =>
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then(
      (response) => response.json(),
    );
  expect(await post(byId)).toEqual({ data: { viewer: { principal: 'ada' } } });
  expect(await post({ documentId: 'viewer' })).toEqual({ data: { viewer: { principal: 'ada' } } });
  expect(codeOf(await ask(url, '{ gateway { version } }'))).toBe('BAD_USER_INPUT');
  expect(await post({ documentId: 'gateway' })).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  const other = await collect(iterate(openSocket(url), '{ gateway { version } }')).catch((errors: unknown) => errors);
  expect(JSON.stringify(other)).toContain('This server executes only the documents in its list.');
  expect(await collect(iterate(openSocket(url), query))).toEqual([{ data: { viewer: { principal: 'ada' } } }]);
});
