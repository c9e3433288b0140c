import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { converse } from '../integration/conversation.ts';
import { serverFolder } from './fixtures.ts';

describe('a server that starts', () => {
  test('prints one line of JSON with its address, and answers there', async () => {
    const { folder, start } = await serverFolder();
    const server = await start();
    const lines = server.output().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'listening', url: server.url });
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/graphql$/);
    await using client = createTestClient(server.url);
    const { run } = await converse(client, { sessionKey: 'first', text: 'Hello' });
    expect(run.state).toBe('DONE');
    expect(await readdir(join(folder, 'data'))).toContain('runtape.db');
    expect(await server.stop('SIGTERM')).toBe(0);
  });

  test('keeps running when a second server is started on its database, which exits with the reason', async () => {
    const { start, runCommand } = await serverFolder();
    const server = await start();
    await using client = createTestClient(server.url);
    const second = await runCommand(['serve']);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/Another server uses .*runtape\.db\. Stop it/);
    expect((await converse(client, { sessionKey: 'on', text: 'Hello' })).run.state).toBe('DONE');
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});

interface StartProblem {
  problem: string;
  environment?: Record<string, string>;
  /** Contents by file name. */
  files?: Record<string, string>;
  folders?: string[];
  messages: RegExp[];
}

const file = (content: unknown) => ({ 'runtape.config.json': JSON.stringify(content) });
const model = (entry: unknown) => file({ models: { mine: entry } });

const startProblems: StartProblem[] = [
  {
    problem: 'PORT is not a number',
    environment: { PORT: 'http' },
    messages: [/PORT: must be a whole number from 0 to 65535, not "http"/],
  },
  {
    problem: 'PORT is out of range',
    environment: { PORT: '65536' },
    messages: [/PORT: must be a whole number from 0 to 65535, not "65536"/],
  },
  { problem: 'HOST is not an address of this machine', environment: { HOST: '192.0.2.1' }, messages: [/HOST.*/] },
  {
    problem: 'several settings are wrong',
    environment: { PORT: 'http', DATABASE_URL: 'mysql://x', RUNTAPE_DURABILITY: 'some', LOG_LEVEL: 'loud' },
    files: file({ limits: { maxSteps: 0 }, defaultModel: 'none' }),
    messages: [
      /PORT/,
      /DATABASE_URL.*file:/,
      /RUNTAPE_DURABILITY.*"full"/,
      /LOG_LEVEL.*"info"/,
      /limits\.maxSteps/,
      /defaultModel/,
    ],
  },
  {
    problem: 'RUNTAPE_CONFIG names a missing file',
    environment: { RUNTAPE_CONFIG: './missing.json' },
    messages: [/RUNTAPE_CONFIG: the file \.\/missing\.json does not exist/],
  },
  { problem: 'RUNTAPE_CONFIG names a folder', environment: { RUNTAPE_CONFIG: '.' }, messages: [/\. cannot be read/] },
  {
    problem: 'the configuration file is not JSON',
    files: { 'runtape.config.json': '{ "models": { }' },
    messages: [/runtape\.config\.json is not valid JSON/],
  },
  {
    problem: 'the provider is unknown',
    files: model({ provider: 'abacus', model: 'm' }),
    messages: [/models\.mine\.provider.*"abacus" is neither a built-in provider .*anthropic.* npm install abacus/],
  },
  {
    problem: 'the configuration file has an unknown key',
    files: file({ colour: 'red', limits: { maxStep: 3 } }),
    messages: [/"colour"/, /limits.*"maxStep"/],
  },
  {
    problem: 'the API key of a provider is not set',
    files: model({ provider: 'openai-compatible', baseURL: 'http://x', model: 'm', apiKeyEnv: 'NO_SUCH_KEY' }),
    messages: [/models\.mine\.apiKeyEnv.*NO_SUCH_KEY is not set/],
  },
  {
    problem: 'the default model does not exist',
    files: file({ defaultModel: 'none' }),
    messages: [/defaultModel: there is no model "none"\. Configured models: scripted/],
  },
  {
    problem: 'the policy file is invalid',
    files: {
      ...file({ policyFile: './house.cedar' }),
      'house.cedar': '// The house.\npermit (principal, action, resource)\nwhen { resource.rsk == "LOW" };\n',
    },
    messages: [
      /^ {2}\.\/house\.cedar:3:8: attribute `rsk` on entity type `Tool` not found \(did you mean `risk`\?\)$/m,
    ],
  },
  {
    problem: 'the policy file does not exist',
    files: file({ policyFile: './house.cedar' }),
    messages: [/policyFile: \.\/house\.cedar cannot be read: ENOENT/],
  },
  {
    problem: 'the database is a folder',
    environment: { DATABASE_URL: 'file:./folder' },
    folders: ['folder'],
    messages: [/DATABASE_URL names a directory.*for example .*folder\/runtape\.db/],
  },
  {
    problem: 'the path of the database leads through a file',
    environment: { DATABASE_URL: 'file:./note.txt/runtape.db' },
    files: { 'note.txt': 'a note' },
    messages: [/note\.txt\/runtape\.db cannot be written.*Check the path/],
  },
  {
    problem: 'the database file is not a database',
    environment: { DATABASE_URL: 'file:./note.txt' },
    files: { 'note.txt': 'a note that is longer than the header of a database'.repeat(100) },
    messages: [/note\.txt cannot be used: .*not a database/],
  },
];

describe('a server does not start and prints what to do when', () => {
  test.each(startProblems)('$problem', async ({ environment, files = {}, folders = [], messages }) => {
    const { folder, runCommand } = await serverFolder();
    for (const name of folders) await mkdir(join(folder, name));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const { code, stdout, stderr } = await runCommand(['serve'], environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Runtape cannot start:\n( {2}\S.*\n)+$/);
    for (const message of messages) expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\bat .*:\d+/);
  });

  test('the port is in use', async () => {
    const { runCommand } = await serverFolder();
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stdout, stderr } = await runCommand(['serve'], { PORT: String(port) });
    other.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      `Port ${port} of 127.0.0.1 is in use. Stop the program that uses it, or set PORT to another port`,
    );
  });
});

test('an unknown command prints the usage and fails; help prints it and succeeds', async () => {
  const { runCommand } = await serverFolder();
  for (const command of [['frobnicate'], ['serve', 'twice']]) {
    const { code, stdout, stderr } = await runCommand(command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Usage: runtape <command>\n[\s\S]* serve [\s\S]* migrate [\s\S]* verify [\s\S]* rebuild /);
  }
  for (const command of ['help', '--help', '-h']) {
    const { code, stdout, stderr } = await runCommand([command]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: runtape <command>');
  }
});
