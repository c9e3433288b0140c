import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { converse, runById } from '../integration/conversation.ts';
import { createHome, type Home } from './server-process.ts';

async function home(): Promise<Home> {
  const made = await createHome();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/** A folder with a conversation in it, and nothing that runs. */
async function pastConversation() {
  const made = await home();
  const server = await made.start();
  await using client = createTestClient(server.url);
  const { runId, events } = await converse(client, { sessionKey: 'past', text: '/call clock {}\n/then\n/say Done.' });
  expect(await server.end('SIGTERM')).toBe(0);
  return { ...made, runId, events, file: join(made.folder, 'data/runtape.db') };
}

/** Changes the file as nothing of ours would: the triggers that forbid it are gone meanwhile. */
function tamper(file: string, change: string, ...parameters: unknown[]): void {
  const database = new BetterSqlite(file);
  const trigger = database.prepare(`SELECT sql FROM sqlite_master WHERE name = 'Event_unchanged'`).pluck().get();
  database.exec('DROP TRIGGER "Event_unchanged"');
  expect(database.prepare(change).run(...parameters).changes).toBe(1);
  database.exec(String(trigger));
  database.close();
}

describe('verify', () => {
  test('B31: names the run and the event of which one byte was changed', async () => {
    const { run, runId, events, file } = await pastConversation();
    const intact = await run(['verify']);
    expect(intact).toEqual({
      code: 0,
      stdout: `1 tapes, ${events.length} events in intact tapes, 0 broken tapes\n`,
      stderr: '',
    });
    const changes = [
      [
        `"payload" = replace("payload", 'clock', 'clodk')`,
        `"payload" = replace("payload", 'clodk', 'clock')`,
        'TOOL_CALL',
      ],
      [`"recordedAt" = "recordedAt" + 1`, `"recordedAt" = "recordedAt" - 1`, 'OUTPUT'],
    ] as const;
    for (const [change, undo, type] of changes) {
      const seq = events.find((event) => event.type === type)?.seq;
      tamper(file, `UPDATE "Event" SET ${change} WHERE "runId" = ? AND "seq" = ?`, runId, seq);
      const { code, stdout } = await run(['verify']);
      expect({ code, stdout }).toEqual({
        code: 1,
        stdout: `${runId}: event ${seq} does not match its hash\n1 tapes, 0 events in intact tapes, 1 broken tapes\n`,
      });
      tamper(file, `UPDATE "Event" SET ${undo} WHERE "runId" = ? AND "seq" = ?`, runId, seq);
    }
    expect((await run(['verify'])).code).toBe(0);
  });

  test('B31: works while a server uses the file', async () => {
    const { start, run } = await home();
    const server = await start();
    await using client = createTestClient(server.url);
    const { events } = await converse(client, { sessionKey: 'now', text: 'Hello' });
    const { code, stdout } = await run(['verify']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `1 tapes, ${events.length} events in intact tapes, 0 broken tapes\n`,
    });
    expect((await converse(client, { sessionKey: 'now', text: 'Hello' })).run.state).toBe('DONE');
    expect(await server.end('SIGTERM')).toBe(0);
  });

  test('says where there is no database, and makes none', async () => {
    const { run } = await home();
    for (let times = 0; times < 2; times += 1) {
      const { code, stdout, stderr } = await run(['verify']);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('There is no database');
    }
  });
});

test('migrate makes the database, and does nothing where it is there', async () => {
  const { run } = await home();
  for (let times = 0; times < 2; times += 1) {
    expect(await run(['migrate'])).toEqual({ code: 0, stdout: 'file:./data/runtape.db is up to date.\n', stderr: '' });
  }
  expect(await run(['verify'])).toMatchObject({ code: 0, stdout: '0 tapes, 0 events in intact tapes, 0 broken tapes\n' });
});

describe('rebuild', () => {
  test('B30: makes rows that were damaged what the tapes say', async () => {
    const { run, start, runId, file } = await pastConversation();
    const database = new BetterSqlite(file);
    database.exec(`UPDATE "Run" SET "output" = 'nonsense', "state" = 'FAILED', "inputTokens" = 0`);
    database.close();
    expect(await run(['rebuild'])).toEqual({ code: 0, stdout: '1 runs rebuilt from their tapes\n', stderr: '' });
    const server = await start();
    await using client = createTestClient(server.url);
    expect(await runById(client, runId)).toMatchObject({ state: 'DONE', output: 'Done.', error: null });
    const busy = await run(['rebuild']);
    expect(busy).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Another server uses') });
    expect(await server.end('SIGTERM')).toBe(0);
  });
});

describe('token', () => {
  test('B58: makes a token and the entry that lets it in, without any configuration', async () => {
    const { run } = await home();
    const { code, stdout, stderr } = await run(['token', 'ada', 'read,write'], { HOST: '0.0.0.0' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const token = /rt_[\w-]{43}/.exec(stdout)?.[0] ?? '';
    const entry = JSON.parse(/\{"sha256".*\}/.exec(stdout)?.[0] ?? '{}');
    expect(entry).toMatchObject({ principal: 'ada', scopes: ['read', 'write'] });
    const made = await createHome({ auth: { mode: 'tokens', tokens: [entry] } });
    onTestFinished(() => made[Symbol.asyncDispose]());
    const server = await made.start();
    await using client = createTestClient(server.url, { authorization: `Bearer ${token}` });
    const { body } = await client.post({ query: '{ viewer { principal scopes } }' });
    expect(body.data).toEqual({ viewer: { principal: 'ada', scopes: ['read', 'write'] } });
    const refused = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer wrong-token' },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    expect(await server.end('SIGTERM')).toBe(0);
    // Neither the good nor the bad one is in the log.
    expect(server.output()).not.toContain(token);
    expect(server.output()).not.toContain('wrong-token');
  });

  test('says what is wrong with what it was asked for', async () => {
    const { run } = await home();
    const unknown = await run(['token', 'ada', 'read,root']);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toContain('There is no scope "root". There are: read, write, approve, approve:any, admin.');
    const nobody = await run(['token']);
    expect(nobody.stderr).toContain('Say for whom: runtape token <principal>');
  });
});
