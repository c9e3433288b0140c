import { expect, inject, onTestFinished, test } from 'vitest';
import { converse, runById } from '../../integration/conversation.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { withClient } from '../conversation.ts';
import { createCluster } from './cluster.ts';

/** An empty database, not even migrated. */
async function emptyDatabase(): Promise<string> {
  const { url: admin } = inject('postgres');
  const { url, name } = await createDatabase(admin);
  onTestFinished(() => dropDatabase(admin, name));
  return url;
}

async function cluster() {
  const made = await createCluster();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

test('three servers that start at once on an empty database all come up, and migrate has nothing left to do', async () => {
  const DATABASE_URL = await emptyDatabase();
  const { start, run } = await cluster();
  const servers = await Promise.all(Array.from({ length: 3 }, () => start({ DATABASE_URL })));
  for (const [index, server] of servers.entries()) {
    const { run: ended } = await withClient(server, (client) =>
      converse(client, { sessionKey: `first ${index}`, text: 'Hello' }),
    );
    expect(ended.state).toBe('DONE');
  }
  expect(await run(['migrate'], { DATABASE_URL })).toMatchObject({ code: 0, stderr: '' });
  expect((await run(['verify'], { DATABASE_URL })).stdout).toMatch(/^3 tapes, \d+ events in intact tapes, 0 broken tapes\n$/);
  expect(await Promise.all(servers.map((server) => server.end('SIGTERM')))).toEqual([0, 0, 0]);
});

test('migrate makes the tables of Postgres, and says which database without its password', async () => {
  const DATABASE_URL = await emptyDatabase();
  const { run } = await cluster();
  const { password } = new URL(DATABASE_URL);
  const { code, stdout, stderr } = await run(['migrate'], { DATABASE_URL });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^postgres:\/\/.* is up to date\.\n$/);
  expect(stdout).not.toContain(`:${password}@`);
  expect((await run(['verify'], { DATABASE_URL })).stdout).toBe('0 tapes, 0 events in intact tapes, 0 broken tapes\n');
});

test('B30, B31: verify names the event of which a byte was changed, and rebuild mends rows', async () => {
  const { start, run, query } = await cluster();
  const server = await start();
  const text = '/call clock {}\n/then\n/say Done.';
  const { runId, events } = await withClient(server, (client) => converse(client, { sessionKey: 'past', text }));
  await query(`UPDATE "Run" SET "output" = 'nonsense', "state" = 'FAILED', "inputTokens" = 0`);
  expect(await server.end('SIGTERM')).toBe(0);
  expect(await run(['rebuild'])).toEqual({ code: 0, stdout: '1 runs rebuilt from their tapes\n', stderr: '' });
  const again = await start();
  await withClient(again, async (client) => {
    expect(await runById(client, runId)).toMatchObject({ state: 'DONE', output: 'Done.', error: null });
  });

  const seq = events.find(({ type }) => type === 'TOOL_CALL')?.seq;
  await query('ALTER TABLE "Event" DISABLE TRIGGER USER');
  await query(`UPDATE "Event" SET "payload" = replace("payload", 'clock', 'clodk') WHERE "seq" = $1`, seq);
  expect(await run(['verify'])).toMatchObject({
    code: 1,
    stdout: `${runId}: event ${seq} does not match its hash\n1 tapes, 0 events in intact tapes, 1 broken tapes\n`,
  });
  expect(await again.end('SIGTERM')).toBe(0);
});
