import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { withDeadline } from '../until.ts';

const main = new URL('../../dist/main.js', import.meta.url).pathname;

/** A temporary working folder with a configuration file. Servers on SQLite keep their database in it. Disposing kills them. */
export interface ServerFolder extends AsyncDisposable {
  folder: string;
  /** Starts a server on a free port; resolves when it listens. */
  start(environment?: Record<string, string>): Promise<ServerProcess>;
  /** Runs a command until it exits. */
  runCommand(
    command: string[],
    environment?: Record<string, string>,
  ): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export interface ServerProcess {
  url: string;
  processId: number;
  /** Everything printed so far, on stdout and stderr. */
  output(): string;
  /** Resolves when the output contains this text. Rejects with the output after 60 seconds. */
  untilPrinted(text: string): Promise<void>;
  /** Sends the signal; resolves like `exited`. */
  stop(signal: NodeJS.Signals): Promise<number | string | null>;
  /** Resolves with the exit code, or with the name of the signal that ended the process. */
  exited: Promise<number | string | null>;
  /** SIGSTOP: the process does nothing any more, and its connections stay open. */
  freeze(): void;
  /** SIGCONT: ends `freeze`. */
  resume(): void;
}

/**
 * @param program the script to run; the built server by default
 * @param node the Node that runs it
 */
export async function createServerFolder(
  configuration: unknown = {},
  program = main,
  node = process.execPath,
): Promise<ServerFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-e2e-'));
  await writeFile(join(folder, 'runtape.config.json'), JSON.stringify(configuration));
  const children = new Set<ChildProcess>();

  function launch(command: string[], environment: Record<string, string>): ChildProcess {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name)));
    const env = { ...inherited, PORT: '0', RUNTAPE_DRAIN_SECONDS: '0', ...environment };
    const child = spawn(node, [program, ...command], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  return {
    folder,
    async start(environment = {}) {
      return untilListening(launch(['serve'], environment));
    },
    async runCommand(command, environment = {}) {
      const child = launch(command, environment);
      const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
      await once(child, 'close');
      return { code: child.exitCode, stdout: stdout(), stderr: stderr() };
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function collect(...streams: (Readable | null)[]): () => string {
  const chunks: string[] = [];
  for (const stream of streams) stream?.on('data', (chunk) => chunks.push(String(chunk)));
  return () => chunks.join('');
}

async function untilListening(child: ChildProcess): Promise<ServerProcess> {
  const output = collect(child.stdout, child.stderr);
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const untilOutput = (condition: () => boolean, expected: string) => {
    const printed = new Promise<void>((resolve) => {
      const check = () => condition() && resolve();
      child.stdout?.on('data', check);
      child.stderr?.on('data', check);
      check();
    });
    return withDeadline(printed, { description: () => `${expected}. It printed:\n${output()}`, seconds: 60 });
  };
  await Promise.race([untilOutput(() => listeningUrl(output()) !== null, 'the server to listen'), exited]);
  const url = listeningUrl(output());
  if (url === null) throw new Error(`The server did not start:\n${output()}`);
  return {
    url,
    processId: child.pid ?? 0,
    output,
    untilPrinted: (text) => untilOutput(() => output().includes(text), `the server to print ${text}`),
    exited,
    freeze: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

function listeningUrl(output: string): string | null {
  const line = output.split('\n').find((candidate) => /"listening".*\}$/.test(candidate));
  return line ? (JSON.parse(line) as { url: string }).url : null;
}
