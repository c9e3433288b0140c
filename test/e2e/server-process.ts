import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const main = new URL('../../dist/main.js', import.meta.url).pathname;

/** A folder with a configuration, and where the store is a file with that, in which servers are started. */
export interface Home extends AsyncDisposable {
  folder: string;
  start(environment?: Record<string, string>): Promise<ServerProcess>;
  /** Runs a command to its end. */
  run(
    command: string[],
    environment?: Record<string, string>,
  ): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export interface ServerProcess {
  url: string;
  processId: number;
  /** Everything it printed. */
  output(): string;
  /** Resolves when it has printed this. */
  prints(text: string): Promise<void>;
  /** Resolves with the exit code, or the signal's name, when it is gone. */
  end(signal: NodeJS.Signals): Promise<number | string | null>;
  gone: Promise<number | string | null>;
  /** SIGSTOP: from now on it does nothing at all, and its connections stay open. */
  freeze(): void;
  /** SIGCONT */
  wake(): void;
}

/** @param program what is run with a command; the server as it is built, unless it is given */
export async function createHome(configuration: unknown = {}, program = main): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-e2e-'));
  await writeFile(join(folder, 'runtape.config.json'), JSON.stringify(configuration));
  const children = new Set<ChildProcess>();

  function launch(command: string[], environment: Record<string, string>): ChildProcess {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name)));
    const env = { ...inherited, PORT: '0', ...environment };
    const child = spawn(process.execPath, [program, ...command], {
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
    async run(command, environment = {}) {
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
  const pieces: string[] = [];
  for (const stream of streams) stream?.on('data', (piece) => pieces.push(String(piece)));
  return () => pieces.join('');
}

async function untilListening(child: ChildProcess): Promise<ServerProcess> {
  const output = collect(child.stdout, child.stderr);
  const gone = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const printed = (isEnough: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => isEnough() && resolve();
      child.stdout?.on('data', look);
      look();
    });
  await Promise.race([printed(() => listeningAt(output()) !== null), gone]);
  const url = listeningAt(output());
  if (url === null) throw new Error(`The server did not start:\n${output()}`);
  return {
    url,
    processId: child.pid ?? 0,
    output,
    prints: (text) => printed(() => output().includes(text)),
    gone,
    freeze: () => void child.kill('SIGSTOP'),
    wake: () => void child.kill('SIGCONT'),
    end(signal) {
      child.kill(signal);
      return gone;
    },
  };
}

function listeningAt(output: string): string | null {
  const line = output.split('\n').find((candidate) => /"listening".*\}$/.test(candidate));
  return line ? (JSON.parse(line) as { url: string }).url : null;
}
