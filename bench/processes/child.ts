import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { now } from '../measure/clock.ts';

/** A program that serves. */
export interface Started {
  url: string;
  processId: number;
  /** When its process was started. */
  startedAt: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface Launch {
  script: string;
  parameters?: string[];
  folder: string;
  environment?: Record<string, string>;
}

const OUTPUT_CHARACTERS = 20_000;

/** Starts a script by Node and waits until it says where it listens. */
export async function start({ script, parameters = [], folder, environment = {} }: Launch): Promise<Started> {
  const startedAt = now();
  const child = spawn(process.execPath, [script, ...parameters], {
    cwd: folder,
    env: { ...ownEnvironment(), NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const url = await listening(child, script);
  return { url, processId: child.pid ?? 0, startedAt, stop: (signal = 'SIGTERM') => stop(child, signal) };
}

/** Nothing of how this process was started, and nothing that would make a peer send traces. */
function ownEnvironment(): Record<string, string | undefined> {
  const foreign = /^(NODE_OPTIONS|npm_|LANGCHAIN|LANGSMITH|TSX)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function listening(child: ChildProcess, script: string): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it listened:\n${output}`)));
    const read = (piece: Buffer) => {
      output = (output + String(piece)).slice(-OUTPUT_CHARACTERS);
      const url = /"event":"listening","url":"([^"]+)"/.exec(output)?.[1];
      if (!url) return;
      child.stdout?.off('data', read);
      child.stdout?.resume();
      resolve(url);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', (piece) => {
      output += String(piece);
      process.stderr.write(piece);
    });
  });
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(late);
}
