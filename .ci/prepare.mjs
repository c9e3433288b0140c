// Prepares a clone for testing (`generate`), starting (`build`) or publishing (`package`): installs packages, generates code,
// bundles. Uses nothing but Node, because it runs before anything is installed. A step that is not needed takes milliseconds.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { command, npmCommand, StepFailed } from './child.mjs';
import { hashOf } from './files.mjs';
import { lock } from './lock.mjs';

const root = dirname(import.meta.dirname ?? '');
const oldestNode = [20, 19];

const print = (line) => console.log(`prepare: ${line}`);
const inRoot = (...parts) => join(root, ...parts);
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major === 24 && minor >= 19) {
    print('warning: Node 24.19 and newer 24.x can abort in better-sqlite3 (nodejs/node#65446). Use Node 22 or 24.18.');
  }
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new StepFailed(
    `Runtape needs Node ${oldestNode.join('.')} or newer. This is Node ${process.versions.node} (${process.execPath}).`,
  );
}

/** What an installation depends on: the lock file, and the Node that native modules are compiled for. */
function requiredInstallation() {
  const { platform, arch, versions } = process;
  return { lock: hashOf([inRoot('package-lock.json')]), runtime: `${platform}-${arch}-${versions.modules}` };
}

function stampedInstallation() {
  try {
    return readJson(inRoot('node_modules/.runtape-lock'));
  } catch {
    return null;
  }
}

/** Whether node_modules matches the lock file without our stamp, for example after `npm install`. */
function matchesLockFile() {
  try {
    const required = readJson(inRoot('package-lock.json')).packages;
    const present = readJson(inRoot('node_modules/.package-lock.json')).packages;
    const isMissing = ([path, entry]) => path !== '' && !entry.optional && !entry.devOptional && !present[path];
    if (Object.entries(required).some(isMissing)) return false;
    return Object.entries(present).every(([path, entry]) => required[path]?.version === entry.version);
  } catch {
    return false;
  }
}

function isInstalled(required) {
  const stamp = stampedInstallation();
  if (stamp !== null && stamp.runtime !== required.runtime) return false;
  const { dependencies, devDependencies } = readJson(inRoot('package.json'));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  if (!names.every((name) => existsSync(inRoot('node_modules', name, 'package.json')))) return false;
  return stamp?.lock === required.lock || matchesLockFile();
}

async function install() {
  const required = requiredInstallation();
  const stamp = inRoot('node_modules/.runtape-lock');
  if (!isInstalled(required)) {
    print('installing packages (npm ci). This takes 1 to 3 minutes if better-sqlite3 must be compiled.');
    // Removed first, so that an interrupted installation is never taken for a complete one.
    rmSync(stamp, { force: true });
    rmSync(inRoot('node_modules/.package-lock.json'), { force: true });
    await command(root, npmCommand(['ci', '--include=dev', '--no-audit', '--no-fund']));
  }
  if (stampedInstallation()?.lock !== required.lock) writeFileSync(stamp, JSON.stringify(required));
}

/** Calls `work` if the inputs have changed since the stamp in the output folder was written. */
async function whenChanged({ inputs, tool, output, otherOutputs = [], announce, work }) {
  const stamp = join(output, '.stamp');
  const toolVersion = readJson(inRoot('node_modules', tool, 'package.json')).version;
  const hash = hashOf(inputs, `${tool}@${toolVersion}`);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash && otherOutputs.every((path) => existsSync(path)))
    return;
  print(announce);
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(output, { recursive: true });
  writeFileSync(stamp, hash);
}

async function generateDatabaseClients() {
  const providers = readdirSync(inRoot('prisma')).filter((name) => existsSync(inRoot('prisma', name, 'main.prisma')));
  for (const provider of providers) {
    await whenChanged({
      inputs: [inRoot('prisma', provider, 'main.prisma'), inRoot('prisma/models')],
      tool: 'prisma',
      output: inRoot('src/database/generated', provider),
      announce: `generating the database client for ${provider}.`,
      work: () =>
        command(
          root,
          [process.execPath, 'node_modules/prisma/build/index.js', 'generate', '--schema', `prisma/${provider}`],
          {
            // Keeps the CLI from downloading an engine, which generating does not need.
            PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
            PRISMA_HIDE_UPDATE_MESSAGE: '1',
            CHECKPOINT_DISABLE: '1',
          },
        ),
    });
  }
}

async function generateDocuments() {
  if (!existsSync(inRoot('codegen.ts'))) return;
  await whenChanged({
    inputs: [
      inRoot('codegen.ts'),
      inRoot('schema/schema.graphql'),
      inRoot('schema/operations'),
      inRoot('client/documents'),
      inRoot('client/documents.codegen.mjs'),
      inRoot('console/documents'),
    ],
    tool: '@graphql-codegen/cli',
    output: inRoot('test/generated'),
    otherOutputs: [inRoot('client/src/generated'), inRoot('console/src/generated')],
    announce: 'generating types for the GraphQL documents.',
    work: () =>
      command(root, [process.execPath, 'node_modules/@graphql-codegen/cli/esm/bin.js', '--config', 'codegen.ts']),
  });
}

async function compile() {
  await whenChanged({
    inputs: [inRoot('src'), inRoot('tsconfig.json'), inRoot('package.json'), inRoot('.ci/bundle.mjs')],
    tool: 'esbuild',
    output: inRoot('dist'),
    announce: 'bundling src into dist.',
    // Imported late: esbuild is installed by an earlier step.
    work: async () => (await import('./bundle.mjs')).bundle(inRoot('src'), inRoot('dist')),
  });
}

async function buildClient() {
  await whenChanged({
    inputs: [inRoot('client/src'), inRoot('client/tsconfig.json'), inRoot('tsconfig.json'), inRoot('.ci/client.mjs')],
    tool: 'typescript',
    output: inRoot('client/dist'),
    announce: 'compiling the client package.',
    work: async () => (await import('./client.mjs')).compileClient(root),
  });
}

async function buildConsole() {
  await whenChanged({
    inputs: [
      inRoot('console/src'),
      inRoot('console/index.html'),
      inRoot('console/vite.config.ts'),
      inRoot('client/src'),
    ],
    tool: 'vite',
    output: inRoot('console/dist'),
    announce: 'building the console.',
    work: () =>
      command(root, [process.execPath, 'node_modules/vite/bin/vite.js', 'build', 'console', '--logLevel', 'warn']),
  });
}

async function removeEarlierBuilds() {
  (await import('./bundle.mjs')).removeEarlierBuilds(inRoot('dist'));
}

const stepsOf = {
  generate: [install, generateDatabaseClients, generateDocuments],
  client: [install, generateDocuments, buildClient],
  build: [install, generateDatabaseClients, generateDocuments, compile, buildConsole],
  package: [install, generateDatabaseClients, generateDocuments, compile, buildConsole, removeEarlierBuilds],
};

async function main() {
  const goal = process.argv[2] ?? '';
  if (!Object.hasOwn(stepsOf, goal)) throw new StepFailed('Usage: node .ci/prepare.mjs generate|build|client|package');
  checkNode();
  await lock(root, print);
  for (const step of stepsOf[goal]) await step();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
