import pg from 'pg';
import { systemClock } from '../../src/clock.ts';
import { groupRows } from '../../src/database/batch-statement.ts';
import { openPostgres } from '../../src/database/postgres/postgres.ts';
import { defineTable } from '../../src/database/table.ts';
import type { StoredEvent } from '../../src/journal/codec.ts';
import { createDatabaseJournal } from '../../src/journal/database-journal.ts';
import { createTestClient } from '../client.ts';
import { append, delta, newRunId, opening } from '../contract/appends.ts';
import { createHome, type ServerProcess } from '../e2e/server-process.ts';
import { FollowRunDocument } from '../generated/graphql.ts';
import { type Event, follow, send } from '../integration/conversation.ts';
import { createDatabase } from '../postgres/databases.ts';
import { startPostgres } from '../postgres/server.ts';

/**
 * The figures of docs/scaling.md: `npm run soak:scaling`. A Postgres of its own with everything on that keeps data, servers as
 * they are built, all on this machine. Prints one line a figure.
 */

const SECONDS = 4;
const WRITERS = 64;
const LEASE_SECONDS = 5;

const say = (what: string, figure: string) => console.log(`${what.padEnd(68)} ${figure}`);
const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
const milliseconds = (value: number) => `${value.toFixed(1)} ms`;

/** Events a second that many runs append, each its next one when the last is durable. */
async function appends(url: string): Promise<number> {
  const database = await openPostgres({ url, durability: 'full', connections: 12 });
  const journal = createDatabaseJournal(database, systemClock);
  const end = performance.now() + SECONDS * 1000;
  let count = 0;
  async function writer(): Promise<void> {
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    for (let head = 2; performance.now() < end; head += 1) {
      await append(journal, runId, head, delta('a piece of text'));
      count += 1;
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, writer));
  await database.close();
  return count / SECONDS;
}

/** Rows a second of the same width in a table without rules, one statement with one JSON parameter after the other. */
async function rawRows(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const insertRaw = defineTable<StoredEvent>('Raw', {
    runId: 'text',
    seq: 'int',
    type: 'text',
    actor: 'text',
    schemaVersion: 'int',
    recordedAt: 'bigint',
    epoch: 'int',
    payload: 'text',
    hash: 'text',
  }).insert({ order: 1 });
  await client.query('CREATE TABLE "Raw" (LIKE "Event" INCLUDING ALL)');
  const runs = Array.from({ length: WRITERS }, () => newRunId());
  const end = performance.now() + SECONDS * 1000;
  let seq = 0;
  for (; performance.now() < end; seq += 1) {
    const writes = runs.map((runId) =>
      insertRaw({
        runId,
        seq,
        type: 'output_delta',
        actor: 'MODEL',
        schemaVersion: 1,
        recordedAt: Date.now(),
        epoch: null,
        payload: '{"step":1,"text":"a piece of text"}',
        hash: '0'.repeat(64),
      }),
    );
    for (const { sql, rows } of groupRows(writes, 'postgresql')) await client.query(sql, [rows]);
  }
  await client.query('DROP TABLE "Raw"');
  await client.end();
  return (seq * WRITERS) / SECONDS;
}

/** When each event of a run arrived at a follower on a server. */
async function arrivals(server: ServerProcess, runId: string): Promise<Map<number, number>> {
  await using client = createTestClient(server.url);
  const times = new Map<number, number>();
  for await (const { runEvents } of client.follow(FollowRunDocument, { runId, after: null })) {
    times.set(runEvents.seq, performance.now());
  }
  return times;
}

/** How much later an event reaches a follower on another server than one on the server that executes the run. */
async function lag(one: ServerProcess, other: ServerProcess): Promise<{ median: number; worst: number }> {
  await using client = createTestClient(one.url);
  const { run } = await send(client, { sessionKey: `lag-${performance.now()}`, text: '/pace 20\n/words 150' });
  const [here, there] = await Promise.all([arrivals(one, run.id), arrivals(other, run.id)]);
  const later = [...here].flatMap(([seq, at]) => (there.has(seq) ? [(there.get(seq) ?? 0) - at] : []));
  return { median: median(later), worst: Math.max(...later) };
}

/** From the end of a server to the event with which another one takes its run up. */
async function takeOver(one: ServerProcess, other: ServerProcess): Promise<number> {
  await using client = createTestClient(one.url);
  await using witness = createTestClient(other.url);
  const { run } = await send(client, { sessionKey: `take-${performance.now()}`, text: '/pace 50\n/words 400' });
  const isDelta = ({ type }: Event) => type === 'OUTPUT_DELTA';
  await follow(client, run.id, { enough: isDelta });
  const taken = follow(witness, run.id, { enough: ({ type }) => type === 'RESUMPTION' });
  await one.end('SIGKILL');
  const killedAt = performance.now();
  await taken;
  return performance.now() - killedAt;
}

/** Runs a second, 64 at a time, of 20 words each, sent and followed over WebSocket, spread over the servers. */
async function shortRuns(servers: ServerProcess[]): Promise<number> {
  const clients = servers.map(({ url }) => createTestClient(url));
  const end = performance.now() + SECONDS * 1000;
  let count = 0;
  async function talk(n: number): Promise<void> {
    const client = clients[n % clients.length];
    if (!client) return;
    for (let turn = 0; performance.now() < end; turn += 1) {
      const { run } = await send(client, { sessionKey: `short-${n}-${turn}-${performance.now()}`, text: '/words 20' });
      await follow(client, run.id);
      count += 1;
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, n) => talk(n)));
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  return count / SECONDS;
}

/** Bytes a row with its indexes, of the tables that grow with every run. */
async function growth(url: string): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  const sizes: string[] = [];
  for (const table of ['Event', 'Tape', 'Run', 'Lease']) {
    await client.query(`VACUUM "${table}"`);
    const { rows } = await client.query<{ bytes: number }>(
      `SELECT (pg_total_relation_size('"${table}"') / greatest(1, (SELECT count(*) FROM "${table}")))::int AS bytes`,
    );
    sizes.push(`${table} ${rows[0]?.bytes}`);
  }
  await client.end();
  return sizes.join(', ');
}

const postgres = await startPostgres({ fsync: 'on', full_page_writes: 'on', shared_buffers: '256MB' });
const { url } = await createDatabase(postgres.url);
await using home = await createHome({ models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } } });
try {
  const start = (more: Record<string, string> = {}) =>
    home.start({ DATABASE_URL: url, RUNTAPE_LEASE_SECONDS: String(LEASE_SECONDS), ...more });
  const [one, two] = [await start(), await start()];
  const raw = await rawRows(url);
  const ours = await appends(url);
  say('rows/s, one JSON parameter of 64 rows, no rules, one connection', raw.toFixed(0));
  say(
    `events/s, ${WRITERS} runs at a time, one event an append`,
    `${ours.toFixed(0)} (${(ours / raw).toFixed(2)} of that)`,
  );
  say('short runs/s, 64 at a time, one server', (await shortRuns([one])).toFixed(1));
  say('short runs/s, 64 at a time, two servers', (await shortRuns([one, two])).toFixed(1));
  say('bytes a row with its indexes, after short runs', await growth(url));
  const notified = await lag(one, two);
  say(
    'later on another server, NOTIFY: median, worst',
    `${milliseconds(notified.median)}, ${milliseconds(notified.worst)}`,
  );
  const times: number[] = [];
  let [victim, heir] = [one, two];
  for (let n = 0; n < 5; n += 1) {
    times.push(await takeOver(victim, heir));
    [victim, heir] = [heir, await start()];
  }
  say(
    `taken over after kill -9, lease of ${LEASE_SECONDS} s: median, worst`,
    `${milliseconds(median(times))}, ${milliseconds(Math.max(...times))}`,
  );
  await Promise.all([victim.end('SIGTERM'), heir.end('SIGTERM')]);
  const [deaf, deafToo] = [await start({ RUNTAPE_NOTIFY: 'off' }), await start({ RUNTAPE_NOTIFY: 'off' })];
  const polled = await lag(deaf, deafToo);
  say(
    'later on another server, polling: median, worst',
    `${milliseconds(polled.median)}, ${milliseconds(polled.worst)}`,
  );
  await Promise.all([deaf.end('SIGTERM'), deafToo.end('SIGTERM')]);
} finally {
  await home[Symbol.asyncDispose]();
  await postgres.stop();
}
