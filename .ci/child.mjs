import { spawn } from 'node:child_process';

/** A step that can not go on, in words for the person at the screen. */
export class StepFailed extends Error {}

/** npm as it was started, or else the one on the path. */
export function npmCommand(parameters) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('npm-cli.js')) return [process.execPath, script, ...parameters];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', ...parameters];
}

/** Runs a command and keeps what it prints to itself, unless it fails. */
export async function command(directory, [program, ...parameters], environment = {}) {
  const child = spawn(program, parameters, {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: program.endsWith('.cmd'),
  });
  const output = [];
  child.stdout.on('data', (piece) => output.push(piece));
  child.stderr.on('data', (piece) => output.push(piece));
  const stop = () => child.kill();
  process.once('exit', stop);
  const outcome = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : `it ended with ${signal ?? `exit code ${code}`}`),
    );
  });
  process.off('exit', stop);
  if (outcome === null) return;
  process.stderr.write(Buffer.concat(output));
  throw new StepFailed(
    `\nThis command failed (${outcome}), its output is above:\n  ${[program, ...parameters].join(' ')}`,
  );
}
