import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FILE_LIST_ENTRIES, FILE_READ_BYTES } from '../../../src/config/limits.ts';
import { ToolsDocument } from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, send, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { resultOf } from './mcp-programs.ts';

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-workspace-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function startWithWorkspace() {
  const filesRoot = await makeFolder();
  // The folder of the default principal.
  const root = join(filesRoot, 'ada');
  await mkdir(root);
  const { client, clientOf } = await startTestGateway({ file: { files: { root: filesRoot } } });
  const use = async (tool: string, input: unknown) => {
    const { run } = await send(client, { sessionKey: 'files', text: calling([tool, input]) });
    if (tool === 'files_write') await decideNextApproval(client, run.id, 'ALLOW');
    return resultOf(await follow(client, run.id));
  };
  const refused = async (tool: string, input: unknown) => {
    const { events } = await converse(client, { sessionKey: 'files', text: calling([tool, input]) });
    expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
    return resultOf(events).error;
  };
  return { filesRoot, root, client, clientOf, use, refused };
}

test('there are file tools only if a folder is configured', async () => {
  const names = async (file: Record<string, unknown>) => {
    const { client } = await startTestGateway({ file });
    const { tools } = await client.send(ToolsDocument, {});
    return tools.flatMap(({ name, risk }) => (name.startsWith('files_') ? [`${name} ${risk}`] : []));
  };
  expect(await names({})).toEqual([]);
  expect(await names({ files: { root: await makeFolder() } })).toEqual([
    'files_list LOW',
    'files_read LOW',
    'files_write HIGH',
  ]);
});

test('a folder that does not exist prevents the start and is named', async () => {
  await expect(startTestGateway({ file: { files: { root: '/there/is/no/folder' } } })).rejects.toThrow(
    'files.root: there is no folder /there/is/no/folder. Create it, or correct the path.',
  );
});

describe('B62: a folder for the file tools', () => {
  test('is refused if it holds the database, the configuration or the policy', async () => {
    const folder = await makeFolder();
    const file = { files: { root: folder } };
    const policyFile = join(folder, 'deep/policy.cedar');
    await mkdir(join(folder, 'deep'));
    await writeFile(policyFile, 'permit(principal, action, resource);');
    await expect(startTestGateway({ file: { files: { root: folder }, policyFile } })).rejects.toThrow(
      `files.root: the folder ${folder} holds the policy, ${policyFile}. Use a folder for the files of the tools alone.`,
    );
    const database = `file:${join(folder, 'runtape.db')}`;
    await expect(startTestGateway({ file }, database)).rejects.toThrow(`${folder} holds the database`);
    const environment = { RUNTAPE_CONFIG: join(folder, 'deep/config.json') };
    await expect(startTestGateway({ file, environment })).rejects.toThrow(`${folder} holds the configuration`);
    await expect(startTestGateway({ file: { files: { root: '/' } } })).rejects.toThrow('holds the configuration');
  });

  test('has a folder for each principal, who cannot reach the others', async () => {
    const { filesRoot, use, clientOf } = await startWithWorkspace();
    await use('files_write', { path: 'note.txt', content: 'of ada' });
    const names = ['bob', 'Ada', '../ada', 'ada/', '.'];
    for (const name of names) {
      const other = clientOf(name);
      const { events } = await converse(other, { sessionKey: 'files', text: calling(['files_list', {}]) });
      expect(resultOf(events).output).toMatchObject({ entries: [] });
    }
    const folders = await readdir(filesRoot);
    expect(folders.filter((name) => ['ada', 'bob'].includes(name))).toEqual(['ada', 'bob']);
    expect(folders.filter((name) => /^~[0-9a-f]{40}$/.test(name))).toHaveLength(4);
    expect((await stat(join(filesRoot, 'bob'))).mode & 0o777).toBe(0o700);
  });

  test('does not follow a link in the place of the folder of a principal', async () => {
    const { filesRoot, clientOf } = await startWithWorkspace();
    await symlink('ada', join(filesRoot, 'bob'));
    const { events } = await converse(clientOf('bob'), { sessionKey: 'files', text: calling(['files_list', {}]) });
    expect(resultOf(events)).toMatchObject({ ok: false, error: '.: The path leads out of the workspace.' });
  });
});

describe('files', () => {
  test('are written after an approval, in folders that are created, and read and listed without one', async () => {
    const { root, use } = await startWithWorkspace();
    expect(await use('files_write', { path: 'notes/today/tea.txt', content: 'Grün' })).toMatchObject({
      output: { path: 'notes/today/tea.txt', bytes: 5, created: true },
    });
    expect(await readFile(join(root, 'notes/today/tea.txt'), 'utf8')).toBe('Grün');
    expect(await use('files_read', { path: './notes//today/tea.txt' })).toMatchObject({ output: { content: 'Grün' } });
    await symlink('notes', join(root, 'link'));
    expect((await use('files_list', {})).output).toMatchObject({
      complete: true,
      entries: [
        { name: 'link', kind: 'link' },
        { name: 'notes', kind: 'folder' },
      ],
    });
    expect((await use('files_list', { path: 'link/today' })).output).toMatchObject({
      entries: [{ name: 'tea.txt', kind: 'file', bytes: 5 }],
    });
  });

  test('are replaced as a whole, keep their permissions, and leave no temporary files', async () => {
    const { root, use } = await startWithWorkspace();
    await writeFile(join(root, 'run.sh'), 'old and longer');
    await chmod(join(root, 'run.sh'), 0o750);
    expect(await use('files_write', { path: 'run.sh', content: 'new' })).toMatchObject({ output: { created: false } });
    expect(await readFile(join(root, 'run.sh'), 'utf8')).toBe('new');
    expect((await stat(join(root, 'run.sh'))).mode & 0o777).toBe(0o750);
    await symlink('run.sh', join(root, 'alias'));
    await use('files_write', { path: 'alias', content: 'through a link' });
    expect(await readFile(join(root, 'run.sh'), 'utf8')).toBe('through a link');
    expect(await readdir(root)).toEqual(['alias', 'run.sh']);
  });

  test('with any bytes are read and written as base64; as text they are refused with a hint', async () => {
    const { root, use } = await startWithWorkspace();
    const bytes = Buffer.from([0xff, 0x00, 0x01]);
    await use('files_write', { path: 'bytes.bin', content: bytes.toString('base64'), encoding: 'base64' });
    expect(await readFile(join(root, 'bytes.bin'))).toEqual(bytes);
    expect((await use('files_read', { path: 'bytes.bin' })).error).toBe(
      'bytes.bin: It is not UTF-8 text. Read it with the encoding "base64".',
    );
    const read = await use('files_read', { path: 'bytes.bin', encoding: 'base64' });
    expect(read.output).toMatchObject({ content: '/wAB', bytes: 3 });
  });

  test('that are too large or not files are refused, and long lists are cut', async () => {
    const { root, use } = await startWithWorkspace();
    await writeFile(join(root, 'large'), Buffer.alloc(FILE_READ_BYTES + 1, 'x'));
    expect((await use('files_read', { path: 'large' })).error).toMatch(/^large: It has \d+ bytes, more than/);
    await mkdir(join(root, 'many'));
    expect((await use('files_read', { path: 'many' })).error).toBe('many: It is not a file.');
    expect((await use('files_write', { path: 'many', content: '' })).error).toMatch(/^many: It is a folder/);
    expect((await use('files_read', { path: 'none.txt' })).error).toBe('none.txt: There is no such file or folder.');
    const names = Array.from({ length: FILE_LIST_ENTRIES + 1 }, (_, index) => `${index}`);
    await Promise.all(names.map((name) => writeFile(join(root, 'many', name), '')));
    expect(JSON.stringify((await use('files_list', { path: 'many' })).output)).toContain('[The output continues');
  });
});

test.runIf(process.platform === 'linux')('B44: a pipe without a writer is refused at once', async () => {
  const { root, use } = await startWithWorkspace();
  spawnSync('mkfifo', [join(root, 'pipe')]);
  expect((await use('files_read', { path: 'pipe' })).error).toBe('pipe: It is not a file.');
});

describe('B62: paths out of the workspace', () => {
  test.each([
    ['/etc/passwd', 'is absolute'],
    ['../secret.txt', 'contains ".."'],
    ['notes/../../secret.txt', 'contains ".."'],
    ['C:/secret.txt', 'is absolute'],
    ['..\\secret.txt', 'contains a backslash'],
  ])('B35: %j is refused before an approval', async (path, reason) => {
    const { refused } = await startWithWorkspace();
    expect(await refused('files_write', { path, content: '' })).toContain(reason);
    expect(await refused('files_read', { path })).toContain(reason);
  });

  test('through a link are refused when they are opened', async () => {
    const { root, use } = await startWithWorkspace();
    const outside = await mkdtemp(join(tmpdir(), 'runtape-outside-'));
    onTestFinished(() => rm(outside, { recursive: true, force: true }));
    await writeFile(join(outside, 'secret.txt'), 'secret');
    await symlink(outside, join(root, 'out'));
    const refusal = 'The path leads out of the workspace.';
    expect((await use('files_read', { path: 'out/secret.txt' })).error).toBe(`out/secret.txt: ${refusal}`);
    expect((await use('files_list', { path: 'out' })).error).toBe(`out: ${refusal}`);
    expect((await use('files_write', { path: 'out/new.txt', content: '' })).error).toBe(`out/new.txt: ${refusal}`);
    expect(await readdir(outside)).toEqual(['secret.txt']);
  });
});
