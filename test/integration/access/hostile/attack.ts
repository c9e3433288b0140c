import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import WebSocket from 'ws';
import { type Answer, createTestClient } from '../../../client.ts';
import { internals } from '../../bad-input/internals.ts';
import { longestDocuments } from './long-documents.ts';
import { randomDocument } from './random-documents.ts';

export interface Campaign {
  url: string;
  seed: number;
  /** Number of random documents. The numbers of the other inputs are proportional to it. */
  documents: number;
  /** Number of the longest documents, of each kind. */
  longDocuments: number;
}

/** Counts by kind of input and by outcome: an HTTP status or a WebSocket close code. */
export type Report = Record<string, Record<string, number>>;

/** Sends random and malformed input of every kind. Throws if a response reveals internals or does not come. */
export async function attack({ url, seed, documents, longDocuments }: Campaign): Promise<Report> {
  const report: Report = {};
  const count = (kind: string, outcome: string | number) => {
    report[kind] ??= {};
    report[kind][outcome] = (report[kind][outcome] ?? 0) + 1;
  };
  const texts = fc.sample(randomDocument(), { seed, numRuns: documents });
  await inParallel(texts, async (query) => {
    const { status, body } = await ask(url, { query });
    if (body.errors?.some(({ extensions }) => extensions?.code === 'INTERNAL_SERVER_ERROR')) {
      throw new Error(`This document causes an internal error: ${query} (seed ${seed})`);
    }
    count('documents', status);
  });
  for (let index = 0; index < longDocuments; index += 1) {
    for (const [kind, query] of Object.entries(longestDocuments(seed + index))) {
      count(`long: ${kind}`, (await ask(url, { query })).status);
    }
  }
  const bodies = fc.sample(fc.oneof(fc.json(), fc.string({ unit: 'binary' }), brokenBody), {
    seed,
    numRuns: Math.ceil(documents / 5),
  });
  await inParallel(bodies, async (body) => count('bodies', (await ask(url, body === '' ? ' ' : body)).status));
  const frames = fc.sample(fc.array(frame, { maxLength: 6 }), { seed, numRuns: Math.ceil(documents / 10) });
  await inParallel(frames, async (sent) => count('sockets', await sendFrames(url, sent)));
  const streams = fc.sample(fc.string({ unit: 'binary' }), { seed, numRuns: Math.ceil(documents / 25) });
  await inParallel(streams, async (id) => count('cursors', await subscribeAfter(url, id)));
  for (let sent = 0; sent < documents / 50; sent += 1) count('bytes', await sendMalformedHttp(url, sent));
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

/** Resolves with the close code. Closes the socket when the server has handled all frames. */
function sendFrames(url: string, frames: readonly (string | Uint8Array)[]): Promise<number | string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    socket.on('error', () => {});
    socket.once('close', (code) => resolve(code));
    socket.once('open', () => {
      for (const sent of frames) socket.send(sent);
      // The server answers it after the frames before it.
      socket.ping();
    });
    socket.once('pong', () => socket.close());
  });
}

async function subscribeAfter(url: string, cursor: string): Promise<number> {
  const query = `subscription { runEvents(runId: "run_00000000000000000000000000", after: ${JSON.stringify(cursor)}) { seq } }`;
  const { status } = await ask(url, { query }, { accept: 'text/event-stream' });
  return status;
}

/** Random bytes, malformed requests and an unknown upgrade. Resolves with the HTTP status. */
function sendMalformedHttp(url: string, index: number): Promise<string> {
  const { hostname, port } = new URL(url);
  const texts = [
    randomBytes(512),
    'GET / HTTP/1.1\r\n\r\n',
    'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n',
    'GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: nothing\r\n\r\n',
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
  ];
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.end(texts[index % texts.length] ?? ''));
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        received += String(chunk);
      });
    socket.once('close', () => resolve(received.slice(9, 12) || 'closed'));
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
  extraHeaders: Record<string, string> = {},
): Promise<{ status: number; body: Answer }> {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...extraHeaders };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (internals.test(text)) throw new Error(`The response reveals internals: ${text} (to ${JSON.stringify(body)})`);
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, body: isJson ? JSON.parse(text) : {} };
}

/** Whether the server answers a query of a new client. */
export async function isServed(url: string): Promise<boolean> {
  await using client = createTestClient(url);
  const { body } = await client.post({ query: '{ viewer { principal } }' });
  return body.errors === undefined;
}
