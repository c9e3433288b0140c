// Installs other versions of Node from their npm package.
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command, npmCommand, StepFailed } from './child.mjs';

/** A folder that is removed when this process ends. */
export function temporaryFolder(version) {
  const folder = mkdtempSync(join(tmpdir(), `runtape-node-${version}-`));
  // When root runs the tests, Postgres runs as another user and must reach its program in this folder.
  chmodSync(folder, 0o755);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return folder;
}

/**
 * Installs the newest Node that matches the version, such as 22 or 24.18. Resolves with the path of the executable, and with an
 * environment in which install scripts and tests find this Node first. Rejects with StepFailed.
 */
export async function installNode(folder, version) {
  console.log(`Installing Node ${version} in ${folder}.`);
  // The package fetches the executable for this platform with an install script.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }));
  await command(folder, npmCommand(['install', '--no-audit', '--no-fund', `node@${version}`]));
  const installed = join(folder, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(installed)) throw new StepFailed(`The package node@${version} has no executable for this platform.`);
  const executable = realpathSync(installed);
  const headers = headersOf(executable, folder);
  const PATH = [dirname(executable), process.env.PATH].join(delimiter);
  return { executable, environment: { ...process.env, PATH, ...(headers && { npm_config_nodedir: headers }) } };
}

/** The package of Node's executable also has the headers that native modules are compiled with. */
function headersOf(executable, folder) {
  const packages = join(folder, 'node_modules/node/node_modules');
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const candidates = [join(packages, name), join(packages, `node-bin-${process.platform}-${process.arch}`)];
  return [...candidates, dirname(dirname(executable))].find((path) => existsSync(join(path, 'include/node/node.h')));
}
