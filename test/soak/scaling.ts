import pg from 'pg';
import { systemClock } from '../../src/clock.ts';
import { groupRows } from '../../src/database/batch-statement.ts';
import { openPostgres } from '../../src/database/postgres/postgres.ts';
import { defineTable } from '../../src/database/table.ts';
import { SCHEMA_VERSION } from '../../src/domain/events.ts';
import type { StoredEvent } from '../../src/journal/codec.ts';
import { createDatabaseJournal } from '../../src/journal/database-journal.ts';
import { createTestClient } from '../client.ts';
import { append, delta, newRunId, opening } from '../contract/appends.ts';
import { createServerFolder, type ServerProcess } from '../e2e/server-process.ts';
import { FollowRunDocument } from '../generated/graphql.ts';
import { type Event, follow, send } from '../integration/conversation.ts';
import { createDatabase } from '../postgres/databases.ts';
import { startPostgres } from '../postgres/server.ts';

/**
 * `npm run soak:scaling`: measures what docs/scaling.md describes, on a temporary Postgres with fsync on and with built
 * servers, all on this machine. Prints one line for each figure.
 */

const SECONDS = 4;
const WRITERS = 64;
const LEASE_SECONDS = 5;

const print = (label: string, figure: string) => console.log(`${label.padEnd(68)} ${figure}`);
const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
const milliseconds = (value: number) => `${value.toFixed(1)} ms`;

/** Events per second when 64 runs append one event at a time, each after its previous one is durable. */
async function appendRate(url: string): Promise<number> {
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

/** Rows per second of the same width into a table without triggers: 64 rows in one JSON parameter, one statement at a time. */
async function rawInsertRate(url: string): Promise<number> {
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
        schemaVersion: SCHEMA_VERSION,
        recordedAt: Date.now(),
        epoch: null,
        payload: '{"step":1,"text":"a piece of text"}',
        hash: '0'.repeat(64),
      }),
    );
    for (const { sql, rows } of groupRows(writes)) await client.query(sql, [rows]);
  }
  await client.query('DROP TABLE "Raw"');
  await client.end();
  return (seq * WRITERS) / SECONDS;
}

/** The time at which each event of a run reached a follower on this server, by seq. */
async function arrivalTimes(server: ServerProcess, runId: string): Promise<Map<number, number>> {
  await using client = createTestClient(server.url);
  const times = new Map<number, number>();
  for await (const { runEvents } of client.follow(FollowRunDocument, { runId, after: null })) {
    times.set(runEvents.seq, performance.now());
  }
  return times;
}

/** How much later an event reaches a follower on another server than on the server that executes the run, in milliseconds. */
async function deliveryDelay(one: ServerProcess, other: ServerProcess): Promise<{ median: number; worst: number }> {
  await using client = createTestClient(one.url);
  const { run } = await send(client, { sessionKey: `delay-${performance.now()}`, text: '/pace 20\n/words 150' });
  const [here, there] = await Promise.all([arrivalTimes(one, run.id), arrivalTimes(other, run.id)]);
  const delays = [...here].flatMap(([seq, at]) => (there.has(seq) ? [(there.get(seq) ?? 0) - at] : []));
  return { median: median(delays), worst: Math.max(...delays) };
}

/** Milliseconds from the death of a server to the `resumption` event that another one records. */
async function takeoverTime(one: ServerProcess, other: ServerProcess): Promise<number> {
  await using client = createTestClient(one.url);
  await using observer = createTestClient(other.url);
  const { run } = await send(client, { sessionKey: `takeover-${performance.now()}`, text: '/pace 50\n/words 400' });
  const isDelta = ({ type }: Event) => type === 'OUTPUT_DELTA';
  await follow(client, run.id, { isLast: isDelta });
  const resumed = follow(observer, run.id, { isLast: ({ type }) => type === 'RESUMPTION' });
  await one.stop('SIGKILL');
  const killedAt = performance.now();
  await resumed;
  return performance.now() - killedAt;
}

/** Runs of 20 words per second, 64 at a time, sent and followed over WebSocket, spread over the servers. */
async function shortRunRate(servers: ServerProcess[]): Promise<number> {
  const clients = servers.map(({ url }) => createTestClient(url));
  const end = performance.now() + SECONDS * 1000;
  let count = 0;
  async function converse(n: number): Promise<void> {
    const client = clients[n % clients.length];
    if (!client) return;
    for (let turn = 0; performance.now() < end; turn += 1) {
      const { run } = await send(client, { sessionKey: `short-${n}-${turn}-${performance.now()}`, text: '/words 20' });
      await follow(client, run.id);
      count += 1;
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, n) => converse(n)));
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  return count / SECONDS;
}

/** Bytes per row, indexes included, of the tables that grow with every run. */
async function bytesPerRow(url: string): Promise<string> {
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
await using directory = await createServerFolder({
  models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } },
});
try {
  const start = (environment: Record<string, string> = {}) =>
    directory.start({ DATABASE_URL: url, RUNTAPE_LEASE_SECONDS: String(LEASE_SECONDS), ...environment });
  const [one, two] = [await start(), await start()];
  const raw = await rawInsertRate(url);
  const appended = await appendRate(url);
  print('rows/s, one JSON parameter of 64 rows, no triggers, one connection', raw.toFixed(0));
  print(
    `events/s, ${WRITERS} runs at a time, one event per append`,
    `${appended.toFixed(0)} (${(appended / raw).toFixed(2)} of that)`,
  );
  print('short runs/s, 64 at a time, one server', (await shortRunRate([one])).toFixed(1));
  print('short runs/s, 64 at a time, two servers', (await shortRunRate([one, two])).toFixed(1));
  print('bytes per row with its indexes, after short runs', await bytesPerRow(url));
  const notified = await deliveryDelay(one, two);
  print(
    'delay on another server, NOTIFY: median, worst',
    `${milliseconds(notified.median)}, ${milliseconds(notified.worst)}`,
  );
  const times: number[] = [];
  let [victim, successor] = [one, two];
  for (let n = 0; n < 5; n += 1) {
    times.push(await takeoverTime(victim, successor));
    [victim, successor] = [successor, await start()];
  }
  print(
    `takeover after kill -9, lease of ${LEASE_SECONDS} s: median, worst`,
    `${milliseconds(median(times))}, ${milliseconds(Math.max(...times))}`,
  );
  await Promise.all([victim.stop('SIGTERM'), successor.stop('SIGTERM')]);
  const [polling, otherPolling] = [await start({ RUNTAPE_NOTIFY: 'off' }), await start({ RUNTAPE_NOTIFY: 'off' })];
  const polled = await deliveryDelay(polling, otherPolling);
  print(
    'delay on another server, polling: median, worst',
    `${milliseconds(polled.median)}, ${milliseconds(polled.worst)}`,
  );
  await Promise.all([polling.stop('SIGTERM'), otherPolling.stop('SIGTERM')]);
} finally {
  await directory[Symbol.asyncDispose]();
  await postgres.stop();
}
