import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { now } from '../measure/clock.ts';
import { type Diagnostics, diagnosticsOf, diagnosticsOptions } from './diagnostics.ts';

/** A server in a process of its own. */
export interface StartedProcess {
  url: string;
  processId: number;
  startedAt: number;
  /** Works only if the process was started with diagnostics. */
  diagnostics: Diagnostics;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ProcessOptions {
  script: string;
  parameters?: string[];
  folder: string;
  environment?: Record<string, string>;
  /** Whether to load the diagnostics, which cost some memory. */
  hasDiagnostics?: boolean;
}

const KEPT_OUTPUT_CHARACTERS = 20_000;
const STOP_MILLISECONDS = 15_000;

/** Starts a script with Node, and resolves when it prints where it listens. */
export async function startProcess(options: ProcessOptions): Promise<StartedProcess> {
  const { script, parameters = [], folder, environment = {}, hasDiagnostics = false } = options;
  const startedAt = now();
  const child = spawn(process.execPath, [...(hasDiagnostics ? diagnosticsOptions : []), script, ...parameters], {
    cwd: folder,
    env: { ...inheritedEnvironment(), NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', ...(hasDiagnostics ? (['ipc'] as const) : [])],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const url = await listeningUrl(child, script);
  const diagnostics = diagnosticsOf(child);
  return { url, processId: child.pid ?? 0, startedAt, diagnostics, stop: (signal = 'SIGTERM') => stop(child, signal) };
}

/** Without the options of this Node process, and without variables that make a peer send traces. */
function inheritedEnvironment(): Record<string, string | undefined> {
  const removed = /^(NODE_OPTIONS|npm_|LANGCHAIN|LANGSMITH|TSX)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !removed.test(name)));
}

function listeningUrl(child: ChildProcess, script: string): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${script} exited with ${code} before it listened:\n${output}`)));
    const read = (chunk: Buffer) => {
      output = (output + String(chunk)).slice(-KEPT_OUTPUT_CHARACTERS);
      const url = /"event":"listening","url":"([^"]+)"/.exec(output)?.[1];
      if (!url) return;
      child.stdout?.off('data', read);
      child.stdout?.resume();
      resolve(url);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', (chunk) => {
      output += String(chunk);
      process.stderr.write(chunk);
    });
  });
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timeout = setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS);
  await exited;
  clearTimeout(timeout);
}
