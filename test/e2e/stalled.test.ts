import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { createTestClient } from '../client.ts';
import { FollowSessionDocument, ResolveSessionDocument } from '../generated/graphql.ts';
import { converse } from '../integration/conversation.ts';
import { withDeadline } from '../until.ts';
import { createServerFolder } from './server-process.ts';

const FOLLOWERS = 200;
/** Each of them is some 19 megabytes of events late at the end. */
const STALLED = 20;
const WARM_UP_RUNS = 5;
const RUNS = 25;
/** Near the longest answer. The events of one run are several times as long. */
const WORDS = 18_000;

test('B27: while 20 followers stall and 200 read, memory stays constant and no follower misses an event', {
  timeout: 180_000,
}, async () => {
  await using home = await createServerFolder({ models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } } });
  const server = await home.start();
  await using client = createTestClient(server.url);
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'crowded' } });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.__typename);
  const sessionId = resolveSession.session.id;
  const small =
    'subscription ($sessionId: ID!, $after: String) { sessionEvents(sessionId: $sessionId, after: $after, types: [STATUS]) { runId seq type cursor } }';
  const readers = await Promise.all(Array.from({ length: FOLLOWERS }, () => openReader(server.url, small, sessionId)));
  const whole = await openReader(server.url, FollowSessionDocument.toString(), sessionId);
  const stalled = await Promise.all(
    Array.from({ length: STALLED }, () => openReader(server.url, FollowSessionDocument.toString(), sessionId)),
  );
  const converseFor = async (runs: number) => {
    for (let run = 0; run < runs; run += 1) await converse(client, { sessionKey: 'crowded', text: `/words ${WORDS}` });
  };
  await converseFor(WARM_UP_RUNS);
  await Promise.all([...stalled, whole, ...readers].map((reader) => reader.untilEnded(WARM_UP_RUNS)));
  for (const { socket } of stalled) socket.pause();
  const before = megabytesOf(server.processId);
  await converseFor(RUNS);
  const total = WARM_UP_RUNS + RUNS;
  await Promise.all([whole, ...readers].map((reader) => reader.untilEnded(total)));
  const growth = megabytesOf(server.processId) - before;
  for (const { ended } of stalled) expect(ended()).toBeLessThan(total);
  expect(growth, 'growth of the server in megabytes').toBeLessThan(200);
  // One is enough; the others would only make the test longer. It reconnects if the server has closed its connection.
  const [late] = stalled;
  late?.socket.resume();
  await late?.untilEnded(total);
  const first = readers[0]?.events() ?? [];
  expect(first).toHaveLength(3 * total);
  for (const reader of readers) expect(reader.events()).toEqual(first);
  expect(late?.events()).toEqual(whole.events());
  for (const reader of [...readers, whole, ...stalled]) reader.close();
});

/** The close code of a connection that was lost. */
const ABNORMAL_CLOSE = 1006;

interface Reader {
  socket: WebSocket;
  close(): void;
  /** `run/seq` of the events received, in order. */
  events(): string[];
  /** The number of runs whose last event was received. */
  ended(): number;
  untilEnded(runs: number): Promise<void>;
}

/** A minimal client, so that two hundred of them cost little. */
async function openReader(url: string, query: string, sessionId: string): Promise<Reader> {
  const events: string[] = [];
  let after: string | null = null;
  let ended = 0;
  let checkEnded = () => {};
  const connect = () => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws');
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'connection_ack') {
        const payload = { query, variables: { sessionId, after } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
      }
      const event = message.payload?.data?.sessionEvents;
      if (!event) return;
      after = event.cursor;
      events.push(`${event.runId}/${event.seq}`);
      if (event.type === 'STATUS' && event.seq > 3) ended += 1;
      checkEnded();
    });
    // The server closes a connection that answers no ping; the client then continues after its cursor.
    socket.on('close', (code) => {
      if (code === ABNORMAL_CLOSE && isOpen) current = connect();
    });
    return socket;
  };
  let isOpen = true;
  let current = connect();
  const socket = current;
  await once(socket, 'open');
  return {
    socket,
    close() {
      isOpen = false;
      current.terminate();
    },
    events: () => events,
    ended: () => ended,
    untilEnded(runs) {
      const allEnded = new Promise<void>((resolve) => {
        checkEnded = () => ended >= runs && resolve();
        checkEnded();
      });
      return withDeadline(allEnded, { description: `the end of ${runs} runs`, seconds: 120 });
    },
  };
}

function megabytesOf(processId: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(processId)], { encoding: 'utf8' })) / 1024;
}
