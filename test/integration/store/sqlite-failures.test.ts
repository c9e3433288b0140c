import { rm } from 'node:fs/promises';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { writingStatement } from '../../../src/database/statement.ts';
import type { Gateway } from '../../../src/server/gateway.ts';
import { GraphqlFailure } from '../../client.ts';
import { RunsDocument, SendMessageDocument } from '../../generated/graphql.ts';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const shortLease = { RUNTAPE_LEASE_SECONDS: '1' };

describe('B52: a full disk', () => {
  test('refuses messages with a clear error, stores nothing of them, and still serves readers', async () => {
    const { client, gateway } = await startTestGateway();
    await converse(client, { sessionKey: 'before', text: '/say stored' });
    const freeSpace = await fillDisk(gateway);
    const message = { sessionKey: 'full', text: 'x'.repeat(50_000), idempotencyKey: 'k' };
    const failure = await client.send(SendMessageDocument, { input: message }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GraphqlFailure);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('Nothing was stored') });
    expect(JSON.stringify((failure as GraphqlFailure).answer)).not.toMatch(/sqlite|prisma|stack/i);
    expect((await client.send(RunsDocument, {})).runs.edges).toHaveLength(1);
    await freeSpace();
    const again = await send(client, message);
    expect(again.created).toBe(true);
    await follow(client, again.run.id);
  });

  test('interrupts a run, which continues when there is space again', async () => {
    const { client, gateway } = await startTestGateway({ environment: shortLease });
    const { run, cursor } = await send(client, { sessionKey: 'cut', text: '/pace 10\n/words 300' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const freeSpace = await fillDisk(gateway);
    await until(async () => gateway.parts.orchestrator.activeCount() === 0);
    expect((await runById(client, run.id)).state).toBe('IN_PROGRESS');
    await freeSpace();
    const events = await follow(client, run.id, { after: cursor });
    expect(typesOf(events)).toContain('RESUMPTION');
    expect(await runById(client, run.id)).toMatchObject({ state: 'DONE', resumptions: 1 });
  });
});

test('B52: a file that was deleted under the server makes it refuse messages, and not ready', async () => {
  const { client, gateway } = await startTestGateway({ environment: shortLease });
  await converse(client, { sessionKey: 'before', text: '/say stored' });
  const readiness = async () => (await fetch(new URL('/readyz', gateway.url))).status;
  expect(await readiness()).toBe(200);
  const [row] = await gateway.parts.database.reader.$queryRawUnsafe<{ file: string }[]>(
    'SELECT file FROM pragma_database_list',
  );
  await rm(row?.file ?? '');
  // The next renewal of the leases notices it, without any message.
  await until(async () => (await readiness()) === 503);
  const failure = await send(client, { sessionKey: 'after', text: 'Hello' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'UNAVAILABLE' });
});

describe('B52: a database that another program has locked', () => {
  test('for a short time delays a message', async () => {
    const { client, gateway } = await startTestGateway();
    const release = await lockForWriting(gateway);
    const pauses = vi.spyOn(systemClock, 'sleep');
    onTestFinished(() => pauses.mockRestore());
    const sending = send(client, { sessionKey: 'held', text: '/say at last' });
    // The third pause between two attempts: the lock was met twice at least.
    await until(async () => pauses.mock.calls.some(([milliseconds]) => milliseconds === 50));
    release();
    const { run } = await sending;
    await follow(client, run.id);
    expect((await runById(client, run.id)).output).toBe('at last');
  });

  test('for a long time refuses a message, and accepts it after the lock is released', async () => {
    const { client, gateway } = await startTestGateway();
    const release = await lockForWriting(gateway);
    const failure = await send(client, { sessionKey: 'held', text: 'Hello' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('busy') });
    release();
    const { run } = await converse(client, { sessionKey: 'held', text: '/say back' });
    expect(run).toMatchObject({ state: 'DONE', output: 'back' });
    expect((await client.send(RunsDocument, {})).runs.edges).toHaveLength(1);
  });
});

test.each([
  ['together with its result', async () => {}],
  ['before its result', () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))],
])('B52: a progress report of a tool that the store refuses is lost, and nothing else is: %s', async (_name, pause) => {
  const tool = countedTool({
    async execute(_input, { progress }) {
      progress?.({ progress: 1, total: null, message: null });
      await pause();
      return 'done';
    },
  });
  const { client, gateway } = await startTestGateway({ tools: [tool] });
  await refuseProgress(gateway);
  const { events, run } = await converse(client, { sessionKey: 'lost', text: calling(['count', { word: 'a' }]) });
  expect(typesOf(events)).toContain('TOOL_RESULT');
  expect(typesOf(events)).not.toContain('TOOL_PROGRESS');
  expect(run).toMatchObject({ state: 'DONE', output: 'count: done', resumptions: 0 });
  expect(tool.executions).toHaveLength(1);
});

/** Makes the store refuse these events, as it refuses any violation of a rule. */
async function refuseProgress(gateway: Gateway): Promise<void> {
  const other = await connectTo(gateway);
  other.exec(`CREATE TRIGGER "no_progress" BEFORE INSERT ON "Event" WHEN NEW."type" = 'tool_progress'
    BEGIN SELECT RAISE(ABORT, 'no_progress'); END`);
}

/** Stops the growth of the file. Returns the function that allows it again. */
async function fillDisk({ parts: { database } }: Gateway): Promise<() => Promise<void>> {
  const [row] = await database.reader.$queryRawUnsafe<{ page_count: bigint }[]>('PRAGMA page_count');
  const limit = (pages: number) =>
    database.query(writingStatement<{ pages: number }>({ pages: 'int' }, () => `PRAGMA max_page_count = ${pages}`));
  await limit(Number(row?.page_count ?? 1n));
  return async () => {
    await limit(1_000_000);
  };
}

/** Takes the write lock of the file on another connection. Returns the function that releases it. */
async function lockForWriting(gateway: Gateway): Promise<() => void> {
  const other = await connectTo(gateway);
  other.exec('BEGIN IMMEDIATE');
  return () => {
    if (other.inTransaction) other.exec('ROLLBACK');
  };
}

/** Opens another connection to the file. */
async function connectTo({ parts: { database } }: Gateway): Promise<BetterSqlite.Database> {
  const [row] = await database.reader.$queryRawUnsafe<{ file: string }[]>('SELECT file FROM pragma_database_list');
  const other = new BetterSqlite(row?.file ?? '');
  onTestFinished(() => void other.close());
  return other;
}
