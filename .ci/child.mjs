import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname ?? '');
/** A script that takes longer is killed, so that the others still run. */
const scriptMilliseconds = 20 * 60_000;

/** A step that failed. The message is printed as it is, without a stack. */
export class StepFailed extends Error {}

/** The npm that started this process, or the one on the PATH. */
export function npmCommand(parameters) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('npm-cli.js')) return [process.execPath, script, ...parameters];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', ...parameters];
}

/** Runs a command and prints its output only if it fails. Rejects with StepFailed. */
export async function command(directory, [program, ...parameters], environment = {}) {
  const child = spawn(program, parameters, {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: program.endsWith('.cmd'),
  });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const stop = () => child.kill();
  process.once('exit', stop);
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
  process.off('exit', stop);
  if (failure === null) return;
  process.stderr.write(Buffer.concat(output));
  throw new StepFailed(
    `\nThis command failed with ${failure}. Its output is printed above.\n  ${[program, ...parameters].join(' ')}`,
  );
}

/**
 * Runs a script of an installed package in the root with this Node, on this terminal unless `output` is 'ignore' or the descriptor
 * of a file. Resolves with null, or with the failure as text.
 */
export function runScript(script, parameters, { environment = {}, output = 'inherit' } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'node_modules', script), ...parameters], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, output],
      timeout: scriptMilliseconds,
      killSignal: 'SIGKILL',
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : signal ? `killed by ${signal}` : `exit code ${code}`),
    );
  });
}
