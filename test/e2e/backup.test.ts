import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { upload } from '../integration/attachments/uploads.ts';
import { type Event, follow, runById, send } from '../integration/conversation.ts';
import { poll } from '../until.ts';
import { serverFolder } from './fixtures.ts';

const CLIENTS = 4;

const hashesOf = (events: readonly Event[]) => events.map(({ hash }) => hash);

test('B106: a backup under load restores to a database that verifies, and its runs end', async () => {
  const origin = await serverFolder();
  const server = await origin.start();
  await using client = createTestClient(server.url);
  const attachment = await upload(server, 'The harbour was quiet.');
  const described = await send(client, { sessionKey: 'file', text: 'Read it.', attachmentIds: [attachment.id] });
  await follow(client, described.run.id);
  const waiting = await send(client, {
    sessionKey: 'waiting',
    text: '/call http_fetch {"url":"https://example.com/"}\n/then\n/say ok',
  });
  await follow(client, waiting.run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });

  const ended: string[] = [described.run.id];
  let isDone = false;
  const converse = async (sessionKey: string) => {
    while (!isDone) {
      const { run } = await send(client, { sessionKey, text: '/pace 2\n/words 30' });
      await follow(client, run.id);
      ended.push(run.id);
    }
  };
  const load = Array.from({ length: CLIENTS }, (_, index) => converse(`client ${index}`));
  await poll(() => ended.length > CLIENTS, { description: 'runs before the backup' });
  const acknowledged = [...ended];
  const backup = join(origin.folder, 'backup');
  const { code, stdout, stderr } = await origin.runCommand(['backup', 'backup']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/backup: \d+ tapes, 1 attachment\n$/);
  const count = ended.length;
  await poll(() => ended.length > count + CLIENTS, { description: 'runs after the backup' });
  isDone = true;
  await Promise.all(load);
  const tapes = new Map<string, string[]>();
  for (const runId of acknowledged) tapes.set(runId, hashesOf(await follow(client, runId)));

  expect(await readdir(origin.folder)).not.toContainEqual(expect.stringContaining('partial'));
  for (const name of await readdir(backup, { recursive: true })) {
    const { mode } = await stat(join(backup, name));
    expect(mode & 0o077, name).toBe(0);
  }
  const again = await origin.runCommand(['backup', 'backup']);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') });
  const busy = await origin.runCommand(['restore', 'backup']);
  expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining('Another server uses') });
  const inPlace = await origin.runCommand(['verify'], { DATABASE_URL: `file:${backup}/runtape.db` });
  expect(inPlace).toMatchObject({ code: 0, stderr: '' });

  const copy = await serverFolder();
  const restored = await copy.runCommand(['restore', backup]);
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  expect(await copy.runCommand(['verify'])).toMatchObject({ code: 0, stderr: '' });
  const repeated = await copy.runCommand(['restore', backup]);
  expect(repeated).toMatchObject({ code: 1, stderr: expect.stringContaining('`restore` replaces no database') });
  const second = await copy.start();
  await using reader = createTestClient(second.url);
  for (const [runId, hashes] of tapes) expect(hashesOf(await follow(reader, runId))).toEqual(hashes);
  expect(await (await fetch(new URL(attachment.url, second.url))).text()).toBe('The harbour was quiet.');
  expect((await runById(reader, waiting.run.id)).pendingApprovals).toHaveLength(1);
  // Runs that were in progress at the backup are resumed.
  for (let index = 0; index < CLIENTS; index += 1) {
    const { run } = await send(reader, { sessionKey: `client ${index}`, text: '/say again' });
    expect((await follow(reader, run.id)).at(-1)).toMatchObject({ to: 'DONE' });
  }
  expect(await second.stop('SIGTERM')).toBe(0);
  expect(await copy.runCommand(['verify'])).toMatchObject({ code: 0, stderr: '' });
  expect(await server.stop('SIGTERM')).toBe(0);
});

test('B106: a backup that was damaged is not restored, and missing attachments are named', async () => {
  const origin = await serverFolder();
  const server = await origin.start();
  await upload(server, 'One.');
  await upload(server, 'Two.');
  expect(await server.stop('SIGTERM')).toBe(0);
  expect(await origin.runCommand(['backup', 'backup'])).toMatchObject({ code: 0 });
  const backup = join(origin.folder, 'backup');
  const names = await readdir(join(backup, 'attachments'), { recursive: true, withFileTypes: true });
  const [one] = names.filter((entry) => entry.isFile());
  await writeFile(join(one?.parentPath ?? '', one?.name ?? ''), 'Three.');
  const copy = await serverFolder();
  const restored = await copy.runCommand(['restore', backup]);
  expect(restored.code).toBe(1);
  expect(restored.stderr).toMatch(/^The attachment [\w/-]+ is damaged: its content does not match its digest\.\n$/);
  expect(await copy.runCommand(['verify'])).toMatchObject({ code: 0 });

  const database = await readFile(join(backup, 'runtape.db'));
  database[database.length - 100] = (database.at(-100) ?? 0) ^ 1;
  await writeFile(join(backup, 'runtape.db'), database);
  const other = await serverFolder();
  const refused = await other.runCommand(['restore', backup]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('runtape.db does not match its digest') });
  expect(await readdir(other.folder)).toEqual(['runtape.config.json']);

  // The files that are lost in the original are named, and the backup is written without them.
  const stored = await readdir(join(origin.folder, 'data/attachments/stored'), {
    recursive: true,
    withFileTypes: true,
  });
  const [lost] = stored.filter((entry) => entry.isFile());
  await writeFile(join(lost?.parentPath ?? '', lost?.name ?? ''), 'Four.');
  const incomplete = await origin.runCommand(['backup', 'incomplete']);
  expect(incomplete).toMatchObject({ code: 1, stdout: expect.stringContaining('1 attachment') });
  expect(incomplete.stderr).toMatch(/^The attachment [\w/-]+ is damaged/);
});

test('backup and restore say what is wrong with their parameters and the configuration', async () => {
  const { runCommand, folder } = await serverFolder();
  const failures = async (command: string[], environment?: Record<string, string>) => {
    const { code, stdout, stderr } = await runCommand(command, environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).not.toMatch(/^ +at /m);
    return stderr;
  };
  expect(await failures(['backup'])).toContain('Usage: runtape backup <new folder>');
  expect(await failures(['backup', 'a', 'b'])).toContain('Usage: runtape backup <new folder>');
  expect(await failures(['backup', '--help'])).toContain('Usage: runtape backup <new folder>');
  expect(await failures(['backup', 'backup'])).toContain('There is no database');
  expect(await failures(['backup', 'absent/backup'])).toContain(`The folder ${folder}/absent does not exist`);
  const postgres = { DATABASE_URL: 'postgres://localhost/absent' };
  expect(await failures(['backup', 'backup'], postgres)).toContain('Back up Postgres with pg_dump');
  expect(await failures(['restore', 'backup'], postgres)).toContain('Restore Postgres with its own tools');
  expect(await failures(['restore'])).toContain('Usage: runtape restore <folder>');
  expect(await failures(['restore', '.'])).toContain('is not a complete backup');
  await writeFile(join(folder, 'manifest.json'), '{"format":"runtape-backup","formatVersion":2}');
  expect(await failures(['restore', '.'])).toContain('was written by a newer release');
  await writeFile(join(folder, 'manifest.json'), `${'['.repeat(30_000)}`);
  expect(await failures(['restore', '.'])).toContain('is not the manifest of a backup');
  await writeFile(join(folder, 'other.db'), 'no database');
  expect(await failures(['backup', 'backup'], { DATABASE_URL: 'file:other.db' })).toContain('cannot be used');
  expect(await readdir(folder)).toEqual(['manifest.json', 'other.db', 'runtape.config.json']);
});
