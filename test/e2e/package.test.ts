import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestClient, type TestClient } from '../client.ts';
import { runById } from '../integration/conversation.ts';
import { poll } from '../until.ts';
import { serverFolder } from './fixtures.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
/** Another Node, see .ci/test-package.mjs. */
const node = process.env.RUNTAPE_TEST_NODE ?? process.execPath;
const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|npm_(package|lifecycle))/.test(name));
/** Install scripts and npm itself find this Node first. */
const environmentFor = (executable: string): Record<string, string | undefined> => ({
  ...Object.fromEntries(inherited),
  PATH: [dirname(executable), process.env.PATH].join(delimiter),
});
let folder = '';
let paths: string[] = [];
let project = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runtape-package-'));
  // The package is the same for every Node. The output of its script would be in the middle of the JSON.
  const pack = ['pack', '--json', '--foreground-scripts=false', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: root, env: environmentFor(process.execPath) });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  paths = (packed?.files ?? []).map(({ path }) => path);
  project = await installedProject(join(folder, packed?.filename ?? ''));
}, 600_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Installs the packed package into an empty project, from the registry or the cache of npm. Rejects with the output of npm. */
async function installedProject(tarball: string): Promise<string> {
  const directory = join(folder, 'project');
  await mkdir(directory);
  await writeFile(join(directory, 'package.json'), '{ "private": true, "allowScripts": { "better-sqlite3": true } }');
  const prebuilds = node === process.execPath ? await localPrebuilds() : {};
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball];
  await run('npm', install, { cwd: directory, env: { ...environmentFor(node), ...prebuilds } });
  return directory;
}

/**
 * The script of better-sqlite3 takes a prebuilt binary where one is offered, and compiles otherwise, which takes minutes. Offers it the
 * binary of this clone, which was installed for the same Node.
 */
async function localPrebuilds(): Promise<Record<string, string>> {
  const source = join(root, 'node_modules/better-sqlite3');
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  const { platform, arch, versions } = process;
  const binary = 'build/Release/better_sqlite3.node';
  const staging = join(folder, 'prebuilds');
  await mkdir(join(staging, dirname(binary)), { recursive: true });
  await cp(join(source, binary), join(staging, binary));
  const archive = `better-sqlite3-v${version}-node-v${versions.modules}-${platform}-${arch}.tar.gz`;
  await run('tar', ['-czf', archive, 'build'], { cwd: staging });
  return { npm_config_better_sqlite3_local_prebuilds: staging };
}

/** The blocks of GraphQL in the README, in their order. */
function readmeOperations(): string[] {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  return [...text.matchAll(/```graphql\n(.*?)```/gs)].map(([, operation = '']) => operation);
}

const operationWith = (text: string) => readmeOperations().find((operation) => operation.includes(text)) ?? '';

async function answerOf<Data>(client: TestClient, query: string): Promise<Data> {
  const { body } = await client.post({ query });
  expect(body.errors).toBeUndefined();
  return body.data as Data;
}

test('B102: the package has the program, the console, the migrations and its documents, and nothing else', () => {
  const allowed = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
    /^dist\/([\w.-]+\.(js|wasm)|builtin\.cedar|schema\.cedarschema|third-party-licenses\.txt)$/,
    /^console\/dist\/(assets\/[\w.-]+|index\.html|documents\.json|manifest\.json|third-party-licenses\.md)$/,
    /^schema\/config\.schema\.json$/,
    /^prisma\/(sqlite|postgresql)\/(schema\.txt|migrations\/\w+\/migration\.sql)$/,
  ];
  expect(paths.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([]);
  // Of several builds only the newest is packed.
  const main = readFileSync(join(project, 'node_modules/runtape/dist/main.js'), 'utf8');
  expect(main.startsWith('#!/usr/bin/env node\n')).toBe(true);
  for (const path of [
    'dist/policy-worker.js',
    'dist/schema-worker.js',
    'dist/connection-worker.js',
    'console/dist/index.html',
    'prisma/sqlite/schema.txt',
  ]) {
    expect(paths).toContain(path);
  }
});

test('B102: an empty project that installs the package runs the first example of the README', async () => {
  const { stdout } = await run('npm', ['exec', '--', 'runtape', 'help'], { cwd: project, env: environmentFor(node) });
  expect(stdout).toMatch(/^Usage: runtape <command>/);

  const { start } = await serverFolder({}, join(project, 'node_modules/.bin/runtape'), node);
  const server = await start();
  await using client = createTestClient(server.url);
  const page = await fetch(new URL('/', server.url), { headers: { accept: 'text/html' } });
  expect(await page.text()).toContain('<script type="module"');
  const explorer = await fetch(server.url, { headers: { accept: 'text/html' } });
  expect(await explorer.text()).toContain('GraphiQL');

  const { sendMessage } = await answerOf<{ sendMessage: { run: { id: string } } }>(
    client,
    operationWith('sendMessage('),
  );
  interface Approvals {
    approvals: { edges: { node: { id: string } }[] };
  }
  const approval = await poll(
    async () => (await answerOf<Approvals>(client, operationWith('approvals('))).approvals.edges[0]?.node.id,
    { description: 'an approval' },
  );
  // The example fetches a page of the internet, which a test does not.
  const decision = operationWith('decideApproval(').replace('apr_…', approval).replace('ALLOW', 'DENY');
  expect(await answerOf(client, decision)).toMatchObject({ decideApproval: { run: { state: expect.any(String) } } });
  const ended = await poll(
    async () => {
      const current = await runById(client, sendMessage.run.id);
      return current.state === 'DONE' && current;
    },
    { description: 'the end of the run' },
  );
  expect(ended.output).not.toBe('');
  expect(await isHealthy(server.url)).toBe(true);
  expect(await server.stop('SIGTERM')).toBe(0);
  expect(await isHealthy(server.url)).toBe(false);
  expect(server.output()).not.toContain('"level":50');
});

/** What the health check of the Dockerfile says. */
async function isHealthy(url: string): Promise<boolean> {
  const [, words = ''] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
  const [, ...parameters] = JSON.parse(words) as string[];
  return run(node, parameters, { env: { PORT: new URL(url).port } }).then(
    () => true,
    () => false,
  );
}
