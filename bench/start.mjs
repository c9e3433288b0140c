// Brings a clone to the point where it can be measured: packages, the build of the product, and the peers, which are no
// dependency of it. Then measures. `npm run bench -- --help` says what there is.
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
  console.log('bench: installing what Runtape is measured against.');
  await command(bench, npmCommand(['ci', '--ignore-scripts', '--no-audit', '--no-fund']));
  // LangGraph's saver then finds the driver that the product has compiled already, of the same version.
  rmSync(join(bench, 'node_modules/better-sqlite3'), { recursive: true, force: true });
  writeFileSync(stamp, lock);
}

function run(script, ...parameters) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...parameters], { cwd: root, stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    process.on('SIGINT', pass).on('SIGTERM', pass);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const parameters = process.argv.slice(2);
const onlyReads = ['--list', '--print', '--help'].some((name) => parameters.includes(name));
const prepare = join(root, '.ci/prepare.mjs');
process.exitCode = (await run(prepare, 'generate')) || (onlyReads ? 0 : await run(prepare, 'build'));
if (process.exitCode === 0) {
  if (!onlyReads) await installPeers();
  process.exitCode = await run(join(root, 'node_modules/tsx/dist/cli.mjs'), join(bench, 'main.ts'), ...parameters);
}
