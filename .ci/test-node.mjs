// Runs the tests with another Node: `npm run test:node -- 22 types unit contract`. Installs that Node from its npm package into
// a temporary folder, copies the tracked files beside it, installs their packages with it, and runs the named parts, or all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { StepFailed } from './child.mjs';
import { installNode, temporaryFolder } from './node-version.mjs';
import { copyTrackedFiles } from './tracked-files.mjs';

const root = dirname(import.meta.dirname);

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
  const folder = temporaryFolder(version);
  const { executable, environment } = await installNode(folder, version);
  const copy = join(folder, 'runtape');
  copyTrackedFiles(root, copy);
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
