import { createDatabase, dropDatabase } from '../../test/postgres/databases.ts';
import { startPostgres } from '../../test/postgres/server.ts';

export interface Postgres {
  /** Creates an empty database, and drops it when `use` has settled. */
  withDatabase<Result>(use: (url: string) => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/** Settings that keep committed data after a power failure. */
const durableSettings = { fsync: 'on', full_page_writes: 'on', shared_buffers: '256MB' };

/** Connects to the server at BENCH_POSTGRES_URL, or starts one. Resolves with the reason if neither is possible. */
export async function openPostgres(): Promise<Postgres | string> {
  const { BENCH_POSTGRES_URL: configuredUrl } = process.env;
  try {
    const server = configuredUrl
      ? { url: configuredUrl, stop: async () => undefined }
      : await startPostgres(durableSettings);
    return {
      stop: server.stop,
      async withDatabase(use) {
        const { url, name } = await createDatabase(server.url);
        try {
          return await use(url);
        } finally {
          await dropDatabase(server.url, name);
        }
      },
    };
  } catch (error) {
    return `Postgres is not available. Set BENCH_POSTGRES_URL to a server. (${String(error).slice(0, 200)})`;
  }
}
