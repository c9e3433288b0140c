import { expect, test } from 'vitest';
import { createRetentionSweep, type Retention } from '../../../src/application/retention-sweep.ts';
import type { RetentionPeriods } from '../../../src/domain/retention.ts';
import type { TestClient } from '../../client.ts';
import {
  ActivityPageDocument,
  BranchSessionDocument,
  CreateAgentDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  SessionByKeyDocument,
} from '../../generated/graphql.ts';
import { download, filesIn, startWithFolder, upload } from '../attachments/uploads.ts';
import { converse, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const never: RetentionPeriods = { archiveAfterDays: null, purgeAfterDays: null };
const forAll = (periods: Partial<RetentionPeriods>): Retention => ({
  isOn: () => true,
  periodsOf: () => ({ ...never, ...periods }),
});

/** One pass of a sweep, so many days from now. */
async function sweepIn({ gateway }: TestGateway, days: number, retention: Retention): Promise<void> {
  const now = () => Date.now() + days * DAY_MILLISECONDS;
  await createRetentionSweep({ ...gateway.parts.commands, now }, retention)();
}

const find = async (client: TestClient, key: string) => (await client.send(SessionByKeyDocument, { key })).session;

async function keysLeft({ gateway }: TestGateway): Promise<Record<string, 'archived' | 'open'>> {
  const sessions = await gateway.parts.database.reader.session.findMany({ orderBy: { key: 'asc' } });
  return Object.fromEntries(sessions.map(({ key, archivedAt }) => [key, archivedAt ? 'archived' : 'open']));
}

test('B108: sessions without activity are archived, then purged; those that wait for a person or have branches stay', async () => {
  const gateway = await startWithFolder({ tools: [countedTool({ risk: 'HIGH' })] });
  const { client, folder } = gateway;
  const file = await upload(gateway, 'a note');
  await converse(client, { sessionKey: 'idle', text: '/say hi', attachmentIds: [file.id] });
  await client.send(ResolveSessionDocument, { input: { key: 'empty' } });
  const { run: parent } = await converse(client, { sessionKey: 'parent', text: '/say hi' });
  await client.send(BranchSessionDocument, {
    input: { sessionId: parent.session.id, runId: parent.id, key: 'branch' },
  });
  const { run: waiting } = await send(client, { sessionKey: 'waiting', text: calling(['count', { word: 'x' }]) });
  await follow(client, waiting.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const open = { branch: 'open', empty: 'open', idle: 'open', parent: 'open', waiting: 'open' } as const;
  const retention = forAll({ archiveAfterDays: 10, purgeAfterDays: 20 });
  await sweepIn(gateway, 9.9, retention);
  expect(await keysLeft(gateway)).toEqual(open);
  await sweepIn(gateway, 10.1, retention);
  const archived = { branch: 'archived', empty: 'archived', idle: 'archived', parent: 'archived' } as const;
  expect(await keysLeft(gateway)).toEqual({ ...archived, waiting: 'open' });
  expect(await find(client, 'idle')).toBeNull();
  await sweepIn(gateway, 20.1, retention);
  expect(await keysLeft(gateway)).toEqual({ parent: 'archived', waiting: 'open' });
  // Its branch is gone now.
  await sweepIn(gateway, 20.1, retention);
  expect(await keysLeft(gateway)).toEqual({ waiting: 'open' });
  expect((await download(gateway, file.url)).status).toBe(404);
  expect(await filesIn(folder)).toEqual([]);
  const { edges } = (await client.send(ActivityPageDocument, { first: 100 })).activity;
  const kinds = edges.map(({ node }) => node.kind).filter((kind) => /ARCHIVED|PURGED/.test(kind));
  expect(kinds).toEqual([...Array(4).fill('SESSION_ARCHIVED'), ...Array(4).fill('SESSION_PURGED')]);
});

test('B108: the sessions of an agent have its times, and those of the default agent theirs', async () => {
  const gateway = await startTestGateway();
  const { client } = gateway;
  const create = async (name: string, makeDefault = false) => {
    const { createAgent } = await client.send(CreateAgentDocument, { input: { name, instructions: 'x', makeDefault } });
    if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.message);
    return createAgent.agent.id;
  };
  await create('usual', true);
  const short = await create('short');
  await client.send(ResolveSessionDocument, { input: { key: 'short', agentId: short } });
  await client.send(ResolveSessionDocument, { input: { key: 'usual' } });
  await gateway.clientOf('eve').send(ResolveSessionDocument, { input: { key: 'none' } });
  const days: Record<string, number> = { short: 5, usual: 10, none: 20 };
  const retention: Retention = {
    isOn: () => true,
    periodsOf: (agent) => ({ ...never, purgeAfterDays: days[agent ?? 'none'] ?? null }),
  };
  await sweepIn(gateway, 5.1, retention);
  expect(await keysLeft(gateway)).toEqual({ none: 'open', usual: 'open' });
  await sweepIn(gateway, 10.1, retention);
  expect(await keysLeft(gateway)).toEqual({ none: 'open' });
});

test('B108: a session that becomes active after it was chosen is kept', async () => {
  const gateway = await startTestGateway();
  const { client } = gateway;
  await client.send(ResolveSessionDocument, { input: { key: 'a' } });
  await client.send(ResolveSessionDocument, { input: { key: 'b' } });
  const { commands } = gateway.gateway.parts;
  let time = Date.now() + 30 * DAY_MILLISECONDS;
  const later = new Date(time - DAY_MILLISECONDS);
  const { database } = commands;
  const changing = {
    ...database,
    // Between the choice and the purge.
    async write<T>(work: Parameters<typeof database.write<T>>[0]) {
      await database.write((writer) => writer.session.updateMany({ where: { key: 'b' }, data: { activeAt: later } }));
      return database.write(work);
    },
  };
  await createRetentionSweep({ ...commands, database: changing, now: () => time }, forAll({ purgeAfterDays: 20 }))();
  expect(await keysLeft(gateway)).toEqual({ b: 'open' });
  time += 20 * DAY_MILLISECONDS;
  await createRetentionSweep({ ...commands, now: () => time }, forAll({ purgeAfterDays: 20 }))();
  expect(await keysLeft(gateway)).toEqual({});
});

test('B108: many sessions are purged in batches, by two sweeps at once and across a restart', async () => {
  const gateway = await startTestGateway();
  const { database } = gateway.gateway.parts;
  const at = new Date();
  const keys = Array.from({ length: 130 }, (_, index) => `k${index}`);
  await database.write((writer) =>
    writer.session.createMany({
      data: keys.map((key, index) => ({
        id: `ses_01KB000000000000000000${String(index).padStart(4, '0')}`,
        owner: 'ada',
        key,
        createdAt: at,
        activeAt: at,
      })),
    }),
  );
  const left = (current: TestGateway) => current.gateway.parts.database.reader.session.count();
  const now = () => Date.now() + 30 * DAY_MILLISECONDS;
  const retention = forAll({ purgeAfterDays: 20 });
  const sweep = createRetentionSweep({ ...gateway.gateway.parts.commands, now }, retention);
  const other = createRetentionSweep({ ...gateway.gateway.parts.commands, now }, retention);
  await Promise.all([sweep(), other()]);
  expect(await left(gateway)).toBeLessThanOrEqual(80);
  expect(await left(gateway)).toBeGreaterThanOrEqual(30);
  const restarted = await gateway.restart();
  const continued = createRetentionSweep({ ...restarted.gateway.parts.commands, now }, retention);
  for (const _ of [1, 2, 3]) await continued();
  expect(await left(restarted)).toBe(0);
});

test('B108: a server with retention purges by itself, and answers afterwards', async () => {
  const gateway = await startTestGateway();
  const { client } = gateway;
  const { run } = await converse(client, { sessionKey: 'old', text: '/say hi' });
  await converse(client, { sessionKey: 'new', text: '/say hi' });
  const { database } = gateway.gateway.parts;
  await database.write((writer) =>
    writer.session.update({
      where: { id: run.session.id },
      data: { activeAt: new Date(Date.now() - 31 * DAY_MILLISECONDS) },
    }),
  );
  // The time of the test is not that of the tapes, which a check at the end of the first server would notice.
  await gateway.gateway.close(0);
  const restarted = await gateway.restart({
    file: { retention: { purgeAfterDays: 30 } },
    environment: { RUNTAPE_LEASE_SECONDS: '1' },
  });
  await until(async () => (await find(restarted.client, 'old')) === null);
  expect(await find(restarted.client, 'new')).not.toBeNull();
  const { purgeSession } = await restarted.client.send(PurgeSessionDocument, {
    input: { sessionId: run.session.id, confirmKey: 'old' },
  });
  expect(purgeSession.__typename).toBe('NotFoundError');
});
