import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const modules = join(root, 'node_modules');
const run = promisify(execFile);
let folder = '';
let tarball = '';

async function node(script: string, parameters: string[], cwd: string): Promise<string> {
  const { stdout } = await run(process.execPath, [script, ...parameters], { cwd }).catch((error) => {
    throw new Error(`${script} failed:\n${error.stdout}${error.stderr}`);
  });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runtape-package-'));
  await node(join(root, '.ci/prepare.mjs'), ['client'], root);
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: join(root, 'client') });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  expect(
    packed?.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/.*\.(js|d\.ts)$/.test(path))
      .sort(),
  ).toEqual(['LICENSE', 'README.md', 'package.json']);
  tarball = join(folder, packed?.filename ?? '');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('B84: the package installs into an empty project, and its types and its code work there', async () => {
  const project = join(folder, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: project });
  await writeFile(
    join(project, 'core.ts'),
    `import { createClient, RuntapeError, type TapeEvent } from '@runtape/client';
const tape = createClient({ url: 'http://127.0.0.1:1/graphql', timing: { repeat: 0 } });
const text = (event: TapeEvent): string => (event.type === 'OUTPUT_DELTA' ? event.text : '');
export const code: Promise<string> = tape.session('first').send('Hello').then(
  async (run) => text((await run.events().next()).value as TapeEvent),
  (error: unknown) => (error instanceof RuntapeError ? error.code : 'another error'),
);
// @ts-expect-error A message is a text.
tape.session('first').send(1).catch(() => {});
`,
  );
  const options = [
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2023,esnext.disposable,dom',
    '--types',
    '',
  ];
  await node(join(modules, 'typescript/bin/tsc'), [...options, 'core.ts'], project);
  await writeFile(join(project, 'print.js'), "import { code } from './core.js';\nconsole.log(await code);\n");
  expect(await node('print.js', [], project)).toBe('OFFLINE\n');

  // The other entry points, with the packages that they extend.
  await mkdir(join(project, 'node_modules/@types'), { recursive: true });
  for (const name of ['react', '@types/react', 'ai'])
    await symlink(join(modules, name), join(project, 'node_modules', name));
  await writeFile(
    join(project, 'page.ts'),
    `import { createClient } from '@runtape/client';
import { createChatTransport } from '@runtape/client/ai-sdk';
import { useSession } from '@runtape/client/react';
export const transport = createChatTransport({ client: createClient({ url: 'http://127.0.0.1:1/graphql' }) });
export const useTexts = (): string[] => useSession('first').messages.map(({ text }) => text);
`,
  );
  await node(join(modules, 'typescript/bin/tsc'), [...options, '--skipLibCheck', 'page.ts'], project);
});

test('B84: the package keeps within its sizes, and is well formed', async () => {
  await node(join(modules, 'publint/src/cli.js'), ['--strict', 'client'], root);
  await node(join(modules, '@arethetypeswrong/cli/dist/index.js'), [tarball, '--profile', 'esm-only'], root);
  console.log(await node(join(modules, 'size-limit/bin.js'), [], join(root, 'client')));
});
