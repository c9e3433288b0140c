// Runs the tests with another Node: `npm run test:node -- 22 types unit contract`. Installs that Node from its npm package into
// a temporary folder, copies the tracked files beside it, installs their packages with it, and runs the named parts, or all.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command, npmCommand, StepFailed } from './child.mjs';

const root = dirname(import.meta.dirname);
const print = (line) => console.log(`test:node: ${line}`);

/** Installs a Node: the newest one that matches the version. Returns the path of the executable. */
async function installNode(folder, version) {
  print(`installing Node ${version} in ${folder}.`);
  // The package fetches the executable for this platform with an install script.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }));
  await command(folder, npmCommand(['install', '--no-audit', '--no-fund', `node@${version}`]));
  const executable = join(folder, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(executable)) throw new StepFailed(`The package node@${version} has no executable for this platform.`);
  return realpathSync(executable);
}

/** Copies the files that git tracks, as they are in the working tree. */
function copyTrackedFiles(target) {
  const { stdout, status } = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new StepFailed('git ls-files failed: the tests need a git working tree.');
  for (const path of stdout.split('\0').filter(Boolean)) {
    const source = join(root, path);
    if (!lstatSync(source, { throwIfNoEntry: false })) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(source, join(target, path), { verbatimSymlinks: true });
  }
}

/** The package of Node's executable also has the headers that native modules are compiled with. */
function headersOf(executable, folder) {
  const packages = join(folder, 'node_modules/node/node_modules');
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const candidates = [join(packages, name), join(packages, `node-bin-${process.platform}-${process.arch}`)];
  return [...candidates, dirname(dirname(executable))].find((path) => existsSync(join(path, 'include/node/node.h')));
}

/** Runs a script of the copy on the same terminal. Resolves with the exit code. */
async function run(executable, directory, environment, parameters) {
  const child = spawn(executable, parameters, { cwd: directory, env: environment, stdio: 'inherit' });
  const [code] = await once(child, 'close');
  return code ?? 1;
}

async function main([version = '', ...parts]) {
  if (!/^\d+(\.\d+){0,2}$/.test(version)) {
    throw new StepFailed('Usage: npm run test:node -- <version of Node, such as 22 or 24.18> [part ...]');
  }
  const folder = mkdtempSync(join(tmpdir(), `runtape-node-${version}-`));
  // When root runs the tests, Postgres runs as another user and must reach its program in this folder.
  chmodSync(folder, 0o755);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const executable = await installNode(folder, version);
  const copy = join(folder, 'runtape');
  copyTrackedFiles(copy);
  const headers = headersOf(executable, folder);
  const environment = {
    ...process.env,
    // Install scripts and tests find this Node first.
    PATH: [dirname(executable), process.env.PATH].join(delimiter),
    ...(headers && { npm_config_nodedir: headers }),
  };
  const prepared = await run(executable, copy, environment, ['.ci/prepare.mjs', 'generate']);
  return prepared === 0 ? run(executable, copy, environment, ['.ci/test.mjs', ...parts]) : prepared;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
