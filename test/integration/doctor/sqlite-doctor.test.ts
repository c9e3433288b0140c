import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createIds } from '../../../src/ids.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { sendEvents, sendJson, startProvider, stopChunk, textChunk, usageChunk } from '../providers/fake-provider.ts';
import { programOf } from '../tools/mcp-programs.ts';
import { diagnosisOf, problemsIn } from './diagnosis.ts';

/** A folder for one test, and the environment of a server whose database is in it. */
async function home(): Promise<{ folder: string; path: string; environment: Record<string, string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-doctor-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'runtape.db');
  return { folder, path, environment: { DATABASE_URL: `file:${path}` } };
}

/** The same, with a migrated database. */
async function homeWithDatabase() {
  const created = await home();
  await copyFile(inject('template'), created.path);
  return { ...created, database: new BetterSqlite(created.path) };
}

describe('B112: doctor names what is wrong and says what to do', () => {
  test('a key that does not exist, a variable that is not set and a key of the wrong length', async () => {
    const { environment } = await home();
    const models = { claude: { provider: 'anthropic', model: 'claude' } };
    const findings = await diagnosisOf({ ...environment, RUNTAPE_SECRET_KEY: 'short' }, { models, limit: {} });
    expect(problemsIn(findings)).toEqual([
      expect.stringMatching(/^configuration: RUNTAPE_SECRET_KEY: must be 32 random bytes in base64\./),
      expect.stringMatching(/^configuration: .* unknown key "limit"\. Allowed keys: /),
      expect.stringMatching(/^configuration: .* the environment variable ANTHROPIC_API_KEY is not set\. Set it/),
    ]);
  });

  test('a database below a file', async () => {
    const { folder } = await home();
    await writeFile(join(folder, 'file'), '');
    const problems = problemsIn(await diagnosisOf({ DATABASE_URL: `file:${join(folder, 'file/data/runtape.db')}` }));
    expect(problems).toEqual([
      expect.stringMatching(/^database: The folder .*\/file\/data cannot be written: .* Check the path and its perm/),
      expect.stringMatching(/^attachments: The folder .* cannot be written/),
    ]);
  });

  test('a database of a newer release, and one whose schema was changed', async () => {
    const { environment, database } = await homeWithDatabase();
    database.exec('DROP TRIGGER "Event_unchanged"');
    expect(problemsIn(await diagnosisOf(environment))).toEqual([
      expect.stringMatching(/^database: The schema .* trigger Event_unchanged is missing\. .* restore a backup/),
    ]);
    database.exec(`INSERT INTO "_prisma_migrations" ("id", "checksum", "finished_at", "migration_name", "started_at")
      VALUES ('1', 'x', 1, '29990101000000_later', 1)`);
    database.close();
    expect(problemsIn(await diagnosisOf(environment))).toEqual([
      expect.stringMatching(/^database: .* was written by a newer release: .* Start the newer release/),
    ]);
  });

  test('a folder in the place of the database', async () => {
    const { folder } = await home();
    expect(problemsIn(await diagnosisOf({ DATABASE_URL: `file:${folder}` }))).toEqual([
      expect.stringMatching(/^database: DATABASE_URL names a directory: .* Name a file in it/),
    ]);
  });

  test('a file that is not a database', async () => {
    const { environment, path } = await home();
    await writeFile(path, 'x'.repeat(10_000));
    expect(problemsIn(await diagnosisOf(environment))).toEqual([
      expect.stringMatching(/^database: The database .* cannot be .*not a database.* restore it from a backup/),
    ]);
  });

  test('a Postgres that does not answer, without the password', async () => {
    const { folder } = await home();
    const DATABASE_URL = 'postgres://ada:swordfish@127.0.0.1:1/runtape';
    const file = { attachments: { folder } };
    const problems = problemsIn(await diagnosisOf({ DATABASE_URL }, file));
    expect(problems).toEqual([
      expect.stringMatching(/^database: The database 127\.0\.0\.1:1\/runtape cannot be used: .* Check DATABASE_URL/),
    ]);
    expect(problems.join()).not.toContain('swordfish');
  });

  test('a model whose provider rejects the key, and one that cannot be reached', async () => {
    const { environment } = await home();
    const { baseURL, requests } = await startProvider((response) =>
      sendJson(response, 401, { error: { message: 'Wrong key sk-swordfish' } }),
    );
    const models = {
      rejected: { provider: 'openai-compatible', baseURL, model: 'm', apiKeyEnv: 'KEY', fallbacks: ['scripted'] },
      away: { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'm' },
      missing: { provider: '@acme/mind-reader', model: 'm' },
    };
    const problems = problemsIn(await diagnosisOf({ ...environment, KEY: 'sk-swordfish' }, { models }));
    expect(problems).toEqual([
      expect.stringMatching(/^model "rejected": .*rejected the API key \(401\)\. Check the key in the environment var/),
      expect.stringMatching(/^model "away": .* Check models\.away\.baseURL/),
      expect.stringMatching(/^model "missing": .*npm install @acme\/mind-reader\.$/),
    ]);
    expect(problems.join()).not.toContain('swordfish');
    expect(requests).toHaveLength(1);
  });

  test('MCP servers that end, cannot be started or lack a variable', async () => {
    const { environment } = await home();
    const mcpServers = {
      ends: { command: process.execPath, args: ['-e', 'process.exit(3)'] },
      absent: { command: '/there/is/none' },
      unset: { command: process.execPath, env: { TOKEN: '$' + '{NOT_SET_ANYWHERE}' } },
      off: { command: '/there/is/none', disabled: true },
    };
    expect(problemsIn(await diagnosisOf(environment, { mcpServers }))).toEqual([
      expect.stringMatching(/^MCP server "ends": .*code 3\. Check command, args/),
      expect.stringMatching(/^MCP server "absent": .*does not exist. Check command, args/),
      expect.stringMatching(/^MCP server "unset": The environment variable NOT_SET_ANYWHERE is not set\. Set it/),
    ]);
  });

  test('a port that another program uses', async () => {
    const { environment } = await home();
    const server = createServer((_request, response) => response.end('not found')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const PORT = String((server.address() as AddressInfo).port);
    expect(problemsIn(await diagnosisOf({ ...environment, PORT }))).toEqual([
      expect.stringMatching(/^port: Port \d+ of 127\.0\.0\.1 is in use\. Stop the program that uses it, or set PORT/),
    ]);
  });

  test('a policy with an error, a missing folder of files, and a document list that is none', async () => {
    const { environment, folder } = await home();
    const policyFile = join(folder, 'house.cedar');
    await writeFile(policyFile, 'permit (principal);');
    await writeFile(join(folder, 'list.json'), '[]');
    const file = { policyFile, files: { root: join(folder, 'absent') }, documents: join(folder, 'list.json') };
    expect(problemsIn(await diagnosisOf(environment, file))).toEqual([
      expect.stringMatching(/^policy: .*house\.cedar:1:\d+: /),
      expect.stringMatching(/^files: files\.root: there is no folder .*absent\. Create it/),
      expect.stringMatching(/^documents: .* must contain a JSON object/),
    ]);
  });

  test('an identity provider and an object store that cannot be reached', async () => {
    const { environment } = await home();
    const { baseURL } = await startProvider((response) => sendJson(response, 200, { keys: 'none' }));
    const file = {
      auth: { mode: 'jwt', jwksUrl: baseURL, issuer: 'i', audience: 'a' },
      attachments: { s3: { bucket: 'b', endpoint: 'http://127.0.0.1:1' } },
      embeddings: { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1', model: 'e' },
    };
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(problemsIn(await diagnosisOf({ ...environment, ...keys }, file))).toEqual([
      expect.stringMatching(/^identity provider: .*status 200 and no key set\. Check auth\.jwksUrl/),
      expect.stringMatching(/^attachments: The object store .* cannot be reached\. Check attachments\.s3/),
      expect.stringMatching(/^embeddings: .* Check embeddings\.baseURL/),
    ]);
  });

  test('a full disk, and a Node that is too old or can abort', async () => {
    const { environment } = await home();
    const freeBytes = async () => 5 * 1024 ** 2;
    expect(problemsIn(await diagnosisOf(environment, {}, { freeBytes, nodeVersion: '20.18.9' }))).toEqual([
      expect.stringMatching(/^Node: Runtape needs Node 20\.19 or newer, and this is 20\.18\.9\. Install/),
      expect.stringMatching(/^disk: Only 0\.0 GiB are free in .* Make room/),
    ]);
    const node = problemsIn(await diagnosisOf(environment, {}, { nodeVersion: '24.19.0' }));
    expect(node).toEqual([expect.stringMatching(/^Node: .*Use Node 22 or 24\.18\.$/)]);
  });

  test('another secret key than the one that encrypted what is stored', async () => {
    const { environment, database } = await homeWithDatabase();
    const newId = createIds(systemClock.now);
    const [runId, sessionId, callId] = [newId('run'), newId('session'), newId('call')];
    const key = (byte: number) => new Uint8Array(32).fill(byte);
    const store = createSecretStore(key(1));
    const call = { sessionId, callId };
    const encrypted = store.encrypt(call, await store.mask(call, { authorization: `Bearer ghp_${'a1B2'.repeat(9)}` }));
    expect(encrypted).not.toBeNull();
    // Only what the checks read: rows of a session with a run that waits.
    database.pragma('foreign_keys = OFF');
    database.prepare('INSERT INTO "Tape" ("runId", "sessionId", "closed") VALUES (?, ?, 0)').run(runId, sessionId);
    const values = 'VALUES (?, ?, ?)';
    database
      .prepare(`INSERT INTO "EncryptedInput" ("callId", "runId", "encrypted") ${values}`)
      .run(callId, runId, encrypted);
    database.close();
    const withKey = (byte: number) => ({
      ...environment,
      RUNTAPE_SECRET_KEY: Buffer.from(key(byte)).toString('base64'),
    });
    expect(problemsIn(await diagnosisOf(withKey(1)))).toEqual([]);
    expect(problemsIn(await diagnosisOf(withKey(2)))).toEqual([
      expect.stringMatching(/^secret key: RUNTAPE_SECRET_KEY does not decrypt the stored credentials\. Set the key/),
    ]);
    expect(problemsIn(await diagnosisOf(environment))).toEqual([
      expect.stringMatching(/^secret key: RUNTAPE_SECRET_KEY is not set, but credentials are stored/),
    ]);
  });
});

test('B112: doctor finds nothing wrong with what works, also while a server runs', async () => {
  const { environment, folder } = await home();
  const { baseURL } = await startProvider((response) => {
    sendEvents(response, textChunk('OK'), stopChunk(), usageChunk, '[DONE]');
    response.end();
  });
  const files = { command: process.execPath, args: [programOf('server-filesystem'), folder] };
  const file = {
    models: { local: { provider: 'openai-compatible', baseURL, model: 'm' } },
    mcpServers: { files },
  };
  const fresh = await diagnosisOf(environment, file);
  expect(problemsIn(fresh)).toEqual([]);
  expect(fresh.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(['database', 'clock', 'disk', 'port', 'model "local"', 'MCP server "files"']),
  );

  const { url } = await startTestGateway({ file }, environment.DATABASE_URL);
  const running = await diagnosisOf({ ...environment, PORT: new URL(url).port }, file);
  expect(problemsIn(running)).toEqual([]);
  expect(running.find(({ subject }) => subject === 'port')?.text).toMatch(/^A Runtape server listens on /);
});

test('B112: a clock that was set back is noticed by the newest run', async () => {
  const { environment } = await home();
  const { client } = await startTestGateway({}, environment.DATABASE_URL);
  await converse(client, { sessionKey: 'now', text: '/say Hello' });
  const now = () => systemClock.now() - 3_600_000;
  const findings = await diagnosisOf(environment, {}, { clock: { ...systemClock, now } });
  expect(problemsIn(findings)).toEqual([
    expect.stringMatching(/^clock: The newest run is 3[56]\d\d seconds newer than this machine's clock says\. Correct/),
  ]);
});
