import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { converse, type Event, runById } from '../integration/conversation.ts';
import { sendJson, startProvider } from '../integration/providers/fake-provider.ts';
import { serverFolder } from './fixtures.ts';
import { createServerFolder, type ServerFolder } from './server-process.ts';

/** A database with one conversation, which the tests copy. */
let past: { directory: ServerFolder; runId: string; events: Event[] };

const fileIn = ({ folder }: ServerFolder) => join(folder, 'data/runtape.db');

beforeAll(async () => {
  const directory = await createServerFolder();
  const server = await directory.start();
  await using client = createTestClient(server.url);
  const { runId, events } = await converse(client, { sessionKey: 'past', text: '/call clock {}\n/then\n/say Done.' });
  expect(await server.stop('SIGTERM')).toBe(0);
  past = { directory, runId, events };
});

afterAll(() => past.directory[Symbol.asyncDispose]());

/** A folder whose database holds one conversation; no server runs. */
async function pastConversation() {
  const directory = await serverFolder();
  const file = fileIn(directory);
  await mkdir(dirname(file));
  await copyFile(fileIn(past.directory), file);
  return { ...directory, runId: past.runId, events: past.events, file };
}

/** Changes an event, which the database normally refuses: the trigger is dropped for the moment. */
function tamper(file: string, change: string, ...parameters: unknown[]): void {
  const database = new BetterSqlite(file);
  const trigger = database.prepare(`SELECT sql FROM sqlite_master WHERE name = 'Event_unchanged'`).pluck().get();
  database.exec('DROP TRIGGER "Event_unchanged"');
  expect(database.prepare(change).run(...parameters).changes).toBe(1);
  database.exec(String(trigger));
  database.close();
}

describe('verify', () => {
  test('B31: names the run and the event in which one byte was changed', async () => {
    const { runCommand, runId, events, file } = await pastConversation();
    const intact = await runCommand(['verify']);
    expect(intact).toEqual({
      code: 0,
      stdout: `1 tape, ${events.length} events in intact tapes, 0 broken tapes\n`,
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
      const { code, stdout } = await runCommand(['verify']);
      expect({ code, stdout }).toEqual({
        code: 1,
        stdout: `${runId}: event ${seq} does not match its hash\n1 tape, 0 events in intact tapes, 1 broken tape\n`,
      });
      tamper(file, `UPDATE "Event" SET ${undo} WHERE "runId" = ? AND "seq" = ?`, runId, seq);
    }
    expect((await runCommand(['verify'])).code).toBe(0);
  });

  test('B31: works while a server uses the file', async () => {
    const { start, runCommand } = await serverFolder();
    const server = await start();
    await using client = createTestClient(server.url);
    const { events } = await converse(client, { sessionKey: 'now', text: 'Hello' });
    const { code, stdout } = await runCommand(['verify']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `1 tape, ${events.length} events in intact tapes, 0 broken tapes\n`,
    });
    const written = await runCommand(['verify', '--write-heads', 'heads.jsonl']);
    expect(written).toMatchObject({ code: 0, stderr: '' });
    const compared = await runCommand(['verify', '--against', 'heads.jsonl']);
    expect(compared).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 tape, 0 purged since, 0 removed or changed\n$/),
    });
    const absent = await runCommand(['verify', '--against', 'absent']);
    expect(absent).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^runtape verify failed:\n {2}The heads absent cannot be read/),
    });
    const unknown = await runCommand(['verify', '--agianst', 'heads.jsonl']);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('Usage: runtape verify [--write-heads') });
    expect((await converse(client, { sessionKey: 'now', text: 'Hello' })).run.state).toBe('DONE');
    expect(await server.stop('SIGTERM')).toBe(0);
  });

  test('B30: names every row that differs from the tapes', async () => {
    const { runCommand, runId, file } = await pastConversation();
    const database = new BetterSqlite(file);
    const sessionId = database.prepare('SELECT "id" FROM "Session"').pluck().get();
    database.exec(`
      UPDATE "Run" SET "output" = 'nonsense', "inputTokens" = 0;
      UPDATE "Session" SET "activeAt" = '2026-01-01T00:00:00.000+00:00';
      UPDATE "Passage" SET "words" = "words" || ' more' WHERE "seq" = 1;
      INSERT INTO "Wait" ("id", "kind", "runId", "sessionId", "callId", "tool", "callSeq", "requestSeq", "status", "requestedAt", "expiresAt")
        VALUES ('apr_forged', 'APPROVAL', '${runId}', '${sessionId}', 'call_1', 'clock', 7, 8, 'PENDING', '2026-01-01T00:00:00.000+00:00', '2036-01-01T00:00:00.000+00:00');
      INSERT INTO "RunMetadata" ("runId", "digest", "owner") VALUES ('${runId}', 'forged', 'ada');`);
    database.close();
    const { code, stdout } = await runCommand(['verify']);
    expect(code).toBe(1);
    expect(stdout).toContain(`Run ${runId} has output "nonsense", the tape says "Done."\n`);
    expect(stdout).toMatch(/has inputTokens 0, the tape says \d+\n/);
    expect(stdout).toContain(`RunMetadata ${runId} forged is not on the tape\n`);
    expect(stdout).toContain('Wait apr_forged is not on the tape\n');
    expect(stdout).toContain(`Passage ${runId} 1 0 has words `);
    expect(stdout).toContain(`Session ${sessionId} has activeAt `);
    expect(stdout).toContain('6 differences between rows and tapes: `rebuild` restores the rows\n');
    expect(await runCommand(['rebuild'])).toMatchObject({ code: 0 });
    expect(await runCommand(['verify'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 tape, \d+ events/),
    });
  });

  test('B31: reports damaged files without a stack', async () => {
    const { runCommand, file } = await pastConversation();
    const whole = await readFile(file);
    // A page of a table or an index in the middle, then the first one, which holds the schema.
    for (const start of [4096 * 20, 100]) {
      const damaged = Buffer.from(whole);
      damaged.fill(0x5a, start, start + 3000);
      await writeFile(file, damaged);
      const { code, stdout, stderr } = await runCommand(['verify']);
      expect(code).toBe(1);
      expect(`${stdout}${stderr}`).toMatch(/the files of the database: |The database .* cannot be/);
      expect(stderr).not.toMatch(/^ +at /m);
    }
    // Cut off, as by a full disk.
    await writeFile(file, whole.subarray(0, 4096 * 10));
    const { code, stderr } = await runCommand(['serve']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Runtape cannot start:\n {2}The /m);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('reports a missing database and does not create it', async () => {
    const { runCommand } = await serverFolder();
    for (let times = 0; times < 2; times += 1) {
      const { code, stdout, stderr } = await runCommand(['verify']);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('There is no database');
    }
  });
});

test('migrate creates the database, and can be repeated', async () => {
  const { runCommand } = await serverFolder();
  for (let times = 0; times < 2; times += 1) {
    expect(await runCommand(['migrate'])).toEqual({
      code: 0,
      stdout: 'file:./data/runtape.db is up to date.\n',
      stderr: '',
    });
  }
  expect(await runCommand(['verify'])).toMatchObject({
    code: 0,
    stdout: '0 tapes, 0 events in intact tapes, 0 broken tapes\n',
  });
});

describe('rebuild', () => {
  test('B30: restores damaged rows from the tapes', async () => {
    const { runCommand, start, runId, file } = await pastConversation();
    const database = new BetterSqlite(file);
    database.exec(`UPDATE "Run" SET "output" = 'nonsense', "state" = 'FAILED', "inputTokens" = 0`);
    database.close();
    expect(await runCommand(['rebuild'])).toEqual({ code: 0, stdout: '1 run rebuilt from the tapes\n', stderr: '' });
    const server = await start();
    await using client = createTestClient(server.url);
    expect(await runById(client, runId)).toMatchObject({ state: 'DONE', output: 'Done.', error: null });
    const busy = await runCommand(['rebuild']);
    expect(busy).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Another server uses') });
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});

test('rebuild says so if another program has locked the database, after it has waited', async () => {
  const { runCommand, file } = await pastConversation();
  // Creates the lock file; without it, a file that another program has open is refused at once.
  expect(await runCommand(['rebuild'])).toMatchObject({ code: 0 });
  const other = new BetterSqlite(file);
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  expect(await runCommand(['rebuild'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('cannot be used: database is locked'),
  });
});

test('B31: rebuild changes nothing when a tape is broken, and says so', async () => {
  const { runCommand, runId, file } = await pastConversation();
  tamper(file, `UPDATE "Event" SET "payload" = 'no JSON' WHERE "runId" = ? AND "seq" = 3`, runId);
  const { code, stdout, stderr } = await runCommand(['rebuild']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(
    'The rows cannot be rebuilt: 1 tape is broken. Nothing was changed. `verify` names the broken events',
  );
  expect(stderr).not.toMatch(/^ +at /m);
  const database = new BetterSqlite(file);
  expect(database.prepare('SELECT count(*) FROM "Passage"').pluck().get()).toBeGreaterThan(0);
  database.close();
});

describe('token', () => {
  test('B58: creates a token and the entry that accepts it, without reading a configuration', async () => {
    const { runCommand } = await serverFolder();
    const { code, stdout, stderr } = await runCommand(['token', 'ada', 'read,write'], { HOST: '0.0.0.0' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const token = /rt_[\w-]{43}/.exec(stdout)?.[0] ?? '';
    const entry = JSON.parse(/\{"sha256".*\}/.exec(stdout)?.[0] ?? '{}');
    expect(entry).toMatchObject({ principal: 'ada', scopes: ['read', 'write'] });
    const { start } = await serverFolder({ auth: { mode: 'tokens', tokens: [entry] } });
    const server = await start();
    await using client = createTestClient(server.url, { authorization: `Bearer ${token}` });
    const { body } = await client.post({ query: '{ viewer { principal scopes } }' });
    expect(body.data).toEqual({ viewer: { principal: 'ada', scopes: ['read', 'write'] } });
    const refused = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer wrong-token' },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    expect(await server.stop('SIGTERM')).toBe(0);
    // No token is logged, valid or not.
    expect(server.output()).not.toContain(token);
    expect(server.output()).not.toContain('wrong-token');
  });

  test('reports an unknown scope and a missing principal', async () => {
    const { runCommand } = await serverFolder();
    const unknown = await runCommand(['token', 'ada', 'read,root']);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toContain('Unknown scope "root". The scopes are read, write, approve, approve:any, admin.');
    const missing = await runCommand(['token']);
    expect(missing.stderr).toContain('Usage: runtape token <principal> [scopes]');
  });
});

describe('doctor', () => {
  test('B112: has the exit code 0 if everything works, and 1 with a line for each problem', async () => {
    const { runCommand, folder } = await serverFolder();
    const healthy = await runCommand(['doctor']);
    expect(healthy).toMatchObject({ code: 0, stderr: '' });
    expect(healthy.stdout).toMatch(/^ok {7}database +file:\.\/data\/runtape\.db does not exist yet/m);
    expect(healthy.stdout).toMatch(/\n\d+ checks, 0 problems\n$/);
    // It creates nothing.
    expect(await readdir(folder)).toEqual(['runtape.config.json']);

    const sick = await runCommand(['doctor'], { DATABASE_URL: 'postgres://ada:swordfish@127.0.0.1:1/runtape' });
    expect(sick).toMatchObject({ code: 1, stderr: '' });
    expect(sick.stdout).toMatch(/^problem {2}database +The database 127\.0\.0\.1:1\/runtape cannot be used: /m);
    expect(sick.stdout).toMatch(/\n\d+ checks, 1 problem\n$/);
    expect(sick.stdout).not.toContain('swordfish');

    const invalid = await runCommand(['doctor'], { PORT: 'http', RUNTAPE_CONFIG: 'absent.json' });
    expect(invalid).toMatchObject({ code: 1, stderr: '' });
    expect(invalid.stdout).toContain('PORT: must be a whole number');
    expect(invalid.stdout).toContain('absent.json does not exist');
    expect(invalid.stdout).toContain('The other checks need a valid configuration.\n');
  });
});

test('B112: doctor prints neither a secret nor a control character that a provider answers', async () => {
  const { baseURL } = await startProvider((response, { headers }) =>
    sendJson(response, 400, { error: { message: `\u001b[2Jwrong ${headers['x-team']}` } }),
  );
  const local = { provider: 'openai-compatible', baseURL, model: 'm', headers: { 'x-team': 'swordfish' } };
  const { runCommand } = await serverFolder({ models: { local } });
  const { code, stdout } = await runCommand(['doctor']);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^problem {2}model "local" +The model provider rejected the request with status 400: .*wrong … Check models\.local\.model and models\.local\.options\.$/m,
  );
  expect(stdout).not.toContain('swordfish');
  expect(stdout).not.toContain('\u001b');
});

describe('init', () => {
  test('writes a file that the server accepts, beside its schema, and overwrites nothing', async () => {
    const { runCommand, folder } = await serverFolder();
    const path = join(folder, 'runtape.config.json');
    const existing = await runCommand(['init']);
    expect(existing).toMatchObject({ code: 1, stdout: '' });
    expect(existing.stderr).toContain('./runtape.config.json exists, and nothing was changed.');
    expect(await readFile(path, 'utf8')).toBe('{}');

    await rm(path);
    expect(await runCommand(['init'])).toMatchObject({ code: 0, stderr: '' });
    const { $schema } = JSON.parse(await readFile(path, 'utf8')) as { $schema: string };
    const schema = JSON.parse(await readFile(join(folder, $schema), 'utf8')) as { title: string };
    expect(schema.title).toBe('Configuration of Runtape');
    expect(await runCommand(['doctor'])).toMatchObject({ code: 0 });

    const elsewhere = await runCommand(['init'], { RUNTAPE_CONFIG: join(folder, 'no/such/folder.json') });
    expect(elsewhere).toMatchObject({ code: 1, stdout: '' });
    expect(elsewhere.stderr).toMatch(/^Runtape cannot write a configuration:\n {2}.*folder\.json cannot be written: /);
  });
});
