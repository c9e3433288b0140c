import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import WebSocket from 'ws';
import { type Answer, createTestClient } from '../../../client.ts';
import { internals } from '../../bad-input/internals.ts';
import { longDocuments } from './long-documents.ts';
import { randomDocument } from './random-documents.ts';

export interface Campaign {
  url: string;
  seed: number;
  /** Documents; the other kinds of attack are in proportion. */
  documents: number;
  /** Of each kind of the longest ones. */
  long: number;
}

/** What was done, by kind, and what came back of it, by status or close code. */
export type Report = Record<string, Record<string, number>>;

/** Sends everything that a hostile client could think of. Throws where the server gives away its inside, or does not answer. */
export async function attack({ url, seed, documents, long }: Campaign): Promise<Report> {
  const report: Report = {};
  const count = (kind: string, outcome: string | number) => {
    report[kind] ??= {};
    report[kind][outcome] = (report[kind][outcome] ?? 0) + 1;
  };
  const texts = fc.sample(randomDocument(), { seed, numRuns: documents });
  await inParallel(texts, async (query) => {
    const { status, body } = await ask(url, { query });
    if (body.errors?.some(({ extensions }) => extensions?.code === 'INTERNAL_SERVER_ERROR')) {
      throw new Error(`Unexpected inside: ${query} (seed ${seed})`);
    }
    count('documents', status);
  });
  for (let turn = 0; turn < long; turn += 1) {
    for (const [kind, query] of Object.entries(longDocuments(seed + turn))) {
      count(`long: ${kind}`, (await ask(url, { query })).status);
    }
  }
  const bodies = fc.sample(fc.oneof(fc.json(), fc.string({ unit: 'binary' }), brokenBody), {
    seed,
    numRuns: Math.ceil(documents / 5),
  });
  await inParallel(bodies, async (body) => count('bodies', (await ask(url, body === '' ? ' ' : body)).status));
  const frames = fc.sample(fc.array(frame, { maxLength: 6 }), { seed, numRuns: Math.ceil(documents / 10) });
  await inParallel(frames, async (sent) => count('sockets', await speak(url, sent)));
  const streams = fc.sample(fc.string({ unit: 'binary' }), { seed, numRuns: Math.ceil(documents / 25) });
  await inParallel(streams, async (id) => count('cursors', await resume(url, id)));
  for (let sent = 0; sent < documents / 50; sent += 1) count('bytes', await garbage(url, sent));
  return report;
}

const brokenBody = fc.constantFrom(
  '{"query":',
  '{"query":{"a":1}}',
  '[]',
  'null',
  '"x"',
  '{"query":"{ viewer { principal } }","variables":[1]}',
  '{"query":"{ viewer { principal } }","operationName":7}',
  `{"query":"{ viewer { principal } }","variables":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  '{"query":"{ viewer { principal } }","extensions":{"persistedQuery":{"sha256Hash":7}}}',
);

const message = fc.constantFrom(
  { type: 'connection_init' },
  { type: 'connection_init', payload: { authorization: { a: 1 } } },
  { type: 'ping', payload: { x: 'y' } },
  { type: 'subscribe', id: '1', payload: { query: '{ viewer { principal } }' } },
  { type: 'subscribe', id: '1', payload: { query: 'subscription { approvalEvents { approval { id } } }' } },
  { type: 'subscribe', id: '', payload: { query: 7 } },
  { type: 'subscribe', payload: null },
  { type: 'complete', id: 'nothing' },
  { type: 'next', id: '1', payload: {} },
  { type: 'start', id: '1' },
  { type: '__proto__' },
);
const frame = fc.oneof(
  { weight: 4, arbitrary: message.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
);

/** The code with which the socket ends: by the server, or by us when it has answered what it was sent. */
function speak(url: string, frames: readonly (string | Uint8Array)[]): Promise<number | string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    socket.on('error', () => {});
    socket.once('close', (code) => resolve(code));
    socket.once('open', () => {
      for (const sent of frames) socket.send(sent);
      // Answered behind everything before it.
      socket.ping();
    });
    socket.once('pong', () => socket.close());
  });
}

async function resume(url: string, cursor: string): Promise<number> {
  const query = `subscription { runEvents(runId: "run_00000000000000000000000000", after: ${JSON.stringify(cursor)}) { seq } }`;
  const { status } = await ask(url, { query }, { accept: 'text/event-stream' });
  return status;
}

/** Bytes that are no HTTP, a head without an end, an upgrade to nothing. */
function garbage(url: string, turn: number): Promise<string> {
  const { hostname, port } = new URL(url);
  const texts = [
    randomBytes(512),
    'GET / HTTP/1.1\r\n\r\n',
    'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n',
    'GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: nothing\r\n\r\n',
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
  ];
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(Number(port), hostname, () => socket.end(texts[turn % texts.length] ?? ''));
    socket
      .on('error', () => {})
      .on('data', (piece) => {
        heard += String(piece);
      });
    socket.once('close', () => resolve(heard.slice(9, 12) || 'closed'));
  });
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

async function ask(
  url: string,
  body: unknown,
  more: Record<string, string> = {},
): Promise<{ status: number; body: Answer }> {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...more };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (internals.test(text)) throw new Error(`The answer shows the inside: ${text} to ${JSON.stringify(body)}`);
  const isAnswer = response.headers.get('content-type')?.includes('json');
  return { status: response.status, body: isAnswer ? JSON.parse(text) : {} };
}

/** Somebody who stays: asks who they are, and must be answered. */
export async function isServed(url: string): Promise<boolean> {
  await using client = createTestClient(url);
  const { body } = await client.post({ query: '{ viewer { principal } }' });
  return body.errors === undefined;
}
