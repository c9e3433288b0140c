// Prepares a clone for the benchmark and runs it: installs packages, builds the product, and installs the peers, which are
// not dependencies of the product. `npm run bench -- --help` prints the options.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { command, npmCommand } from '../.ci/child.mjs';

const bench = import.meta.dirname ?? '';
const root = dirname(bench);
const stamp = join(bench, 'node_modules/.bench-lock');

async function installPeers() {
  const lock = readFileSync(join(bench, 'package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('bench: installing the packages that Runtape is compared with.');
  await command(bench, npmCommand(['ci', '--ignore-scripts', '--no-audit', '--no-fund']));
  // LangGraph's saver then uses the compiled driver of the product, which has the same version.
  rmSync(join(bench, 'node_modules/better-sqlite3'), { recursive: true, force: true });
  writeFileSync(stamp, lock);
}

function run(script, ...parameters) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...parameters], { cwd: root, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const parameters = process.argv.slice(2);
const measuresNothing = ['--list', '--print', '--help'].some((name) => parameters.includes(name));
const prepare = join(root, '.ci/prepare.mjs');
process.exitCode = (await run(prepare, 'generate')) || (measuresNothing ? 0 : await run(prepare, 'build'));
if (process.exitCode === 0) {
  if (!measuresNothing) await installPeers();
  process.exitCode = await run(join(root, 'node_modules/tsx/dist/cli.mjs'), join(bench, 'main.ts'), ...parameters);
}
