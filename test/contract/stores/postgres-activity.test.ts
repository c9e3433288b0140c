import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Database } from '../../../src/database/database.ts';
import { activityKinds } from '../../../src/domain/activity.ts';
import {
  activityAfter,
  activityBounds,
  openActivityWriters,
  pageActivity,
  recordChange,
} from '../../../src/repositories/activity.ts';
import { type ActivityFeed, createActivityFeed } from '../../../src/streams/activity/feed.ts';
import { createActivitySource } from '../../../src/streams/activity/follow-activity.ts';
import { createLiveStream } from '../../../src/streams/live-stream.ts';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { createRandom } from '../../simulation/random.ts';
import { poll } from '../../until.ts';
import { openStore } from './postgres-store.ts';

const change = { sessionId: 'ses_1', runId: null, waitId: null, state: null, occurredAt: new Date(0) } as const;
const row = recordChange({ ...change, kind: 'SESSION_UPDATED' }, 'ada');

/** A connection of another program, whose transactions last as long as a test wants. */
async function connect(url: string) {
  const client = new pg.Client({ connectionString: url, application_name: 'holder' });
  // The database is dropped when a test has failed.
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  /** Returns the positions of the new changes. */
  async function insert(count: number): Promise<number[]> {
    const rows = JSON.stringify(Array.from({ length: count }, () => row.row));
    const result = await client.query<{ position: string }>(`${row.statement.postgresql} RETURNING "position"`, [rows]);
    return result.rows.map(({ position }) => Number(position));
  }
  return { client, insert };
}

/** The feed of one server. Other servers do not notify it: it polls. */
function openFeed(database: Database, delays: number[] = [], delaySeconds = 5) {
  const notifications = createNotificationHub();
  const feed = createActivityFeed({
    store: {
      after: (position, limit) => activityAfter(database, position, limit),
      newest: async () => (await activityBounds(database)).newest,
      openWriters: () => openActivityWriters(database),
    },
    notifications,
    clock: systemClock,
    pollMilliseconds: 40,
    windowItems: 50,
    delaySeconds,
    onDelay: ({ openSeconds }) => delays.push(openSeconds),
    outage: {
      failed(error) {
        throw error;
      },
      worked: () => undefined,
    },
  });
  onTestFinished(() => feed.close());
  return { feed, notifications };
}

function follow(
  feed: ActivityFeed,
  database: Database,
  after: number,
  startPosition: number,
  signal = untilTestEnds(),
) {
  const source = createActivitySource(feed, {
    after,
    startPosition,
    maxBatch: 20,
    isWanted: () => true,
    async readPage(position, upTo, size) {
      const query = { owner: 'ada', everyDecision: false, kinds: activityKinds, sessionId: null };
      const page = { size, from: 'start', after: position, before: null } as const;
      return (await pageActivity(database, query, page, upTo)).rows;
    },
  });
  return createLiveStream(source, { clock: systemClock, pollMilliseconds: 40, signal });
}

function untilTestEnds(): AbortSignal {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  return controller.signal;
}

test('a transaction that has taken a position is an open writer until it has ended', async () => {
  const { url, database } = await openStore();
  const { client, insert } = await connect(url);
  await client.query('BEGIN');
  await client.query('SELECT * FROM "Activity"');
  expect(await openActivityWriters(database)).toEqual([]);
  await insert(1);
  const [writer, ...others] = await openActivityWriters(database);
  expect(others).toEqual([]);
  expect(writer).toMatchObject({ pid: (client as pg.Client & { processID: number }).processID });
  expect(writer?.openSeconds).toBeGreaterThan(0);
  await client.query('ROLLBACK');
  expect(await openActivityWriters(database)).toEqual([]);
});

test('a writer of another database of the same Postgres does not count', async () => {
  const { database } = await openStore();
  const { client, insert } = await connect(await createTestDatabase());
  await client.query('BEGIN');
  await insert(1);
  expect(await openActivityWriters(database)).toEqual([]);
  await client.query('ROLLBACK');
});

test('a transaction that stays open holds the feed back, is reported, and is not skipped', async () => {
  const { url, database } = await openStore();
  const { client, insert } = await connect(url);
  const delays: number[] = [];
  const { feed } = openFeed(database, delays, 0.2);
  const start = await feed.catchUp();
  const stream = follow(feed, database, start, start)[Symbol.asyncIterator]();
  await stream.next();
  await client.query('BEGIN');
  await insert(1);
  await database.commit([row, row]);
  const next = stream.next();
  await poll(() => delays.length > 0, { description: 'a report of the delay' });
  expect(feed.settled()).toBe(start);
  expect(await feed.catchUp()).toBe(start);
  await client.query('COMMIT');
  const received: number[] = [];
  for (let batch = await next; !batch.done; batch = await stream.next()) {
    received.push(...batch.value.items.map(({ position }) => position));
    if (received.length === 3) break;
  }
  expect(received).toEqual([1, 2, 3]);
});

test('an open transaction that writes something else delays nothing', async () => {
  const { url, database } = await openStore();
  const { client } = await connect(url);
  await client.query('BEGIN');
  await client.query(`INSERT INTO "Purge" VALUES ('other')`);
  const { feed } = openFeed(database);
  const failing = await connect(url);
  await failing.client.query('BEGIN');
  await failing.insert(2);
  await failing.client.query('ROLLBACK');
  await database.commit([row]);
  expect(await feed.catchUp()).toBe(3);
  await client.query('ROLLBACK');
});

/** `ACTIVITY_SECONDS=600` runs longer. */
const seconds = Number(process.env.ACTIVITY_SECONDS ?? 4);
const seed = Number(process.env.ACTIVITY_SEED ?? Date.now() % 1_000_000);

test('B64: no reader on any server skips or repeats a change, while transactions are held open at random', {
  timeout: (seconds + 60) * 1000,
}, async () => {
  const { url } = await openStore();
  const random = createRandom(seed);
  const endAt = Date.now() + seconds * 1000;
  const committed: number[] = [];
  const readers: { start: number; cursor: number; received: number[] }[] = [];
  const stop = new AbortController();
  const servers = await Promise.all(
    [1, 2, 3].map(async () => {
      const { database } = await openStore(url);
      return { database, ...openFeed(database) };
    }),
  );

  async function write(): Promise<void> {
    const { client, insert } = await connect(url);
    while (Date.now() < endAt) {
      const positions: number[] = [];
      await client.query('BEGIN');
      for (let statements = random.int(1, 3); statements > 0; statements -= 1) {
        positions.push(...(await insert(random.int(1, 4))));
        if (random.chance(0.3)) await sleep(random.int(0, 60));
      }
      const isCommitted = random.chance(0.8);
      await client.query(isCommitted ? 'COMMIT' : 'ROLLBACK');
      if (isCommitted) committed.push(...positions);
      if (random.chance(0.7)) random.pick(servers).notifications.publishSession('ses_1');
    }
  }

  /** Follows on a random server after each cut, and pauses at random. */
  async function read(): Promise<void> {
    const start = await random.pick(servers).feed.catchUp();
    const reader = { start, cursor: start, received: [] as number[] };
    readers.push(reader);
    while (!stop.signal.aborted) {
      const { feed, database } = random.pick(servers);
      const stream = follow(feed, database, reader.cursor, await feed.catchUp(), stop.signal);
      for await (const { items, position } of stream) {
        reader.received.push(...items.map((item) => item.position));
        reader.cursor = position;
        if (random.chance(0.1)) await sleep(random.int(0, 200));
        if (random.chance(0.05)) break;
      }
    }
  }

  const early = Array.from({ length: 6 }, read);
  const late = sleep(seconds * 500).then(() => Promise.all(Array.from({ length: 3 }, read)));
  await Promise.all(Array.from({ length: 6 }, write));
  const last = Math.max(...committed);
  await poll(() => readers.length === 9 && readers.every(({ cursor }) => cursor >= last), {
    description: () => `the end of the changes, ${last}, at ${readers.map(({ cursor }) => cursor)}, seed ${seed}`,
  });
  stop.abort();
  await Promise.all([...early, late]);
  committed.sort((left, right) => left - right);
  for (const { start, received } of readers) {
    expect(received, `seed ${seed}`).toEqual(committed.filter((position) => position > start));
  }
  expect(committed.length, `seed ${seed}`).toBeGreaterThan(10 * seconds);
});
