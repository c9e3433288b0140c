import { expect, inject, onTestFinished, test } from 'vitest';
import { converse, runById } from '../../integration/conversation.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { withClient } from '../fixtures.ts';
import { startCluster } from './cluster.ts';

/** The URL of a database without tables. */
async function emptyDatabase(): Promise<string> {
  const { url: admin } = inject('postgres');
  const { url, name } = await createDatabase(admin);
  onTestFinished(() => dropDatabase(admin, name));
  return url;
}

test('three servers that start together on an empty database all serve, and migrate finds nothing to do', async () => {
  const DATABASE_URL = await emptyDatabase();
  const { start, runCommand } = await startCluster();
  const servers = await Promise.all(Array.from({ length: 3 }, () => start({ DATABASE_URL })));
  for (const [index, server] of servers.entries()) {
    const { run } = await withClient(server, (client) =>
      converse(client, { sessionKey: `first ${index}`, text: 'Hello' }),
    );
    expect(run.state).toBe('DONE');
  }
  expect(await runCommand(['migrate'], { DATABASE_URL })).toMatchObject({ code: 0, stderr: '' });
  expect((await runCommand(['verify'], { DATABASE_URL })).stdout).toMatch(
    /^3 tapes, \d+ events in intact tapes, 0 broken tapes\n$/,
  );
  expect(await Promise.all(servers.map((server) => server.stop('SIGTERM')))).toEqual([0, 0, 0]);
});

test('migrate creates the tables in Postgres, and prints the URL without the password', async () => {
  const DATABASE_URL = await emptyDatabase();
  const { runCommand } = await startCluster();
  const { password } = new URL(DATABASE_URL);
  const { code, stdout, stderr } = await runCommand(['migrate'], { DATABASE_URL });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^postgres:\/\/.* is up to date\.\n$/);
  expect(stdout).not.toContain(`:${password}@`);
  expect((await runCommand(['verify'], { DATABASE_URL })).stdout).toBe(
    '0 tapes, 0 events in intact tapes, 0 broken tapes\n',
  );
});

test('B30, B31: verify names the event in which a byte was changed, and rebuild restores rows', async () => {
  const { start, runCommand, query } = await startCluster();
  const server = await start();
  const text = '/call clock {}\n/then\n/say Done.';
  const { runId, events } = await withClient(server, (client) => converse(client, { sessionKey: 'past', text }));
  await query(`UPDATE "Run" SET "output" = 'nonsense', "state" = 'FAILED', "inputTokens" = 0`);
  expect(await server.stop('SIGTERM')).toBe(0);
  expect(await runCommand(['rebuild'])).toEqual({ code: 0, stdout: '1 run rebuilt from the tapes\n', stderr: '' });
  const restarted = await start();
  await withClient(restarted, async (client) => {
    expect(await runById(client, runId)).toMatchObject({ state: 'DONE', output: 'Done.', error: null });
  });

  const seq = events.find(({ type }) => type === 'TOOL_CALL')?.seq;
  await query('ALTER TABLE "Event" DISABLE TRIGGER USER');
  await query(`UPDATE "Event" SET "payload" = replace("payload", 'clock', 'clodk') WHERE "seq" = $1`, seq);
  expect(await runCommand(['verify'])).toMatchObject({
    code: 1,
    stdout: `${runId}: event ${seq} does not match its hash\n1 tape, 0 events in intact tapes, 1 broken tape\n`,
  });
  expect(await restarted.stop('SIGTERM')).toBe(0);
});
