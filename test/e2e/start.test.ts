import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { converse } from '../integration/conversation.ts';
import { createHome } from './server-process.ts';

async function home(configuration?: unknown) {
  const made = await createHome(configuration);
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

describe('a server that starts', () => {
  test('says so in one line of JSON, with its address, and answers there', async () => {
    const { folder, start } = await home();
    const server = await start();
    const lines = server.output().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'listening', url: server.url });
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/graphql$/);
    await using client = createTestClient(server.url);
    const { run } = await converse(client, { sessionKey: 'first', text: 'Hello' });
    expect(run.state).toBe('DONE');
    expect(await readdir(join(folder, 'data'))).toContain('runtape.db');
    expect(await server.end('SIGTERM')).toBe(0);
  });

  test('a second one on its database is told so, and the first goes on', async () => {
    const { start, run } = await home();
    const server = await start();
    await using client = createTestClient(server.url);
    const second = await run(['serve']);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/Another server uses .*runtape\.db\. Stop it/);
    expect((await converse(client, { sessionKey: 'on', text: 'Hello' })).run.state).toBe('DONE');
    expect(await server.end('SIGTERM')).toBe(0);
  });
});

interface Refusal {
  what: string;
  environment?: Record<string, string>;
  /** Text of the configuration file, and texts of others by name. */
  files?: Record<string, string>;
  folders?: string[];
  says: RegExp[];
}

const file = (content: unknown) => ({ 'runtape.config.json': JSON.stringify(content) });
const model = (entry: unknown) => file({ models: { mine: entry } });

const refusals: Refusal[] = [
  {
    what: 'PORT is no number',
    environment: { PORT: 'http' },
    says: [/PORT: must be a whole number from 0 to 65535, not "http"/],
  },
  {
    what: 'PORT is none that can be',
    environment: { PORT: '65536' },
    says: [/PORT: must be a whole number from 0 to 65535, not "65536"/],
  },
  { what: 'HOST is not of this machine', environment: { HOST: '192.0.2.1' }, says: [/HOST.*/] },
  {
    what: 'several things are wrong at once',
    environment: { PORT: 'http', DATABASE_URL: 'mysql://x', RUNTAPE_DURABILITY: 'some', LOG_LEVEL: 'loud' },
    files: file({ limits: { maxSteps: 0 }, defaultModel: 'none' }),
    says: [/PORT/, /DATABASE_URL.*file:/, /RUNTAPE_DURABILITY.*"full"/, /LOG_LEVEL.*"info"/, /limits\.maxSteps/],
  },
  {
    what: 'RUNTAPE_CONFIG names no file',
    environment: { RUNTAPE_CONFIG: './missing.json' },
    says: [/RUNTAPE_CONFIG: the file \.\/missing\.json does not exist/],
  },
  { what: 'RUNTAPE_CONFIG names a folder', environment: { RUNTAPE_CONFIG: '.' }, says: [/\. cannot be read/] },
  {
    what: 'the file is no JSON',
    files: { 'runtape.config.json': '{ "models": { }' },
    says: [/runtape\.config\.json is not valid JSON/],
  },
  {
    what: 'the provider is unknown',
    files: model({ provider: 'abacus', model: 'm' }),
    says: [/models\.mine\.provider.*"abacus" is neither a provider that is built in .*anthropic.* npm install abacus/],
  },
  {
    what: 'the file has an unknown key',
    files: file({ colour: 'red', limits: { maxStep: 3 } }),
    says: [/"colour"/, /limits.*"maxStep"/],
  },
  {
    what: 'the key of a provider is not set',
    files: model({ provider: 'openai-compatible', baseURL: 'http://x', model: 'm', apiKeyEnv: 'NO_SUCH_KEY' }),
    says: [/models\.mine\.apiKeyEnv.*NO_SUCH_KEY is not set/],
  },
  {
    what: 'the default model is none',
    files: file({ defaultModel: 'none' }),
    says: [/defaultModel: there is no model "none"\. Configured models: scripted/],
  },
  {
    what: 'the file of policies is broken',
    files: {
      ...file({ policyFile: './house.cedar' }),
      'house.cedar': '// The house.\npermit (principal, action, resource)\nwhen { resource.rsk == "LOW" };\n',
    },
    says: [/^ {2}\.\/house\.cedar:3:8: attribute `rsk` on entity type `Tool` not found \(did you mean `risk`\?\)$/m],
  },
  {
    what: 'the file of policies is not there',
    files: file({ policyFile: './house.cedar' }),
    says: [/policyFile: \.\/house\.cedar cannot be read: ENOENT/],
  },
  {
    what: 'the database is a folder',
    environment: { DATABASE_URL: 'file:./folder' },
    folders: ['folder'],
    says: [/DATABASE_URL names a directory.*for example .*folder\/runtape\.db/],
  },
  {
    what: 'the database lies below a file',
    environment: { DATABASE_URL: 'file:./note.txt/runtape.db' },
    files: { 'note.txt': 'a note' },
    says: [/note\.txt\/runtape\.db cannot be written.*Check the path/],
  },
  {
    what: 'the database is none',
    environment: { DATABASE_URL: 'file:./note.txt' },
    files: { 'note.txt': 'a note that is long enough to be taken for the head of a file'.repeat(100) },
    says: [/note\.txt cannot be used: .*not a database/],
  },
];

describe('a server can not start and says what to do, where', () => {
  test.each(refusals)('$what', async ({ environment, files = {}, folders = [], says }) => {
    const { folder, run } = await home();
    for (const name of folders) await mkdir(join(folder, name));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const { code, stdout, stderr } = await run(['serve'], environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Runtape can not start:\n( {2}\S.*\n)+$/);
    for (const said of says) expect(stderr).toMatch(said);
    expect(stderr).not.toMatch(/\bat .*:\d+/);
  });

  test('its port is in use', async () => {
    const { run } = await home();
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stdout, stderr } = await run(['serve'], { PORT: String(port) });
    other.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      `Port ${port} of 127.0.0.1 is in use. Stop the program that uses it, or set PORT to another port`,
    );
  });
});

test('an unknown command is told which ones there are, and help is no error', async () => {
  const { run } = await home();
  for (const command of [['frobnicate'], ['serve', 'twice']]) {
    const { code, stdout, stderr } = await run(command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Usage: runtape <command>\n[\s\S]* serve [\s\S]* migrate [\s\S]* verify [\s\S]* rebuild /);
  }
  for (const command of ['help', '--help', '-h']) {
    const { code, stdout, stderr } = await run([command]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: runtape <command>');
  }
});
