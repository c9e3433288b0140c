import { createDatabase, dropDatabase } from '../../test/postgres/databases.ts';
import { startPostgres } from '../../test/postgres/server.ts';

export interface Postgres {
  /** Makes an empty database that is gone when the work is done. */
  withDatabase<Result>(work: (url: string) => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/** As a cautious operator runs it: everything on that keeps data through a power failure. */
const settings = { fsync: 'on', full_page_writes: 'on', shared_buffers: '256MB' };

/** The one that BENCH_POSTGRES_URL names, or one of our own. Says why there is none. */
export async function findPostgres(): Promise<Postgres | string> {
  const { BENCH_POSTGRES_URL: given } = process.env;
  try {
    const server = given ? { url: given, stop: async () => undefined } : await startPostgres(settings);
    return {
      stop: server.stop,
      async withDatabase(work) {
        const { url, name } = await createDatabase(server.url);
        try {
          return await work(url);
        } finally {
          await dropDatabase(server.url, name);
        }
      },
    };
  } catch (error) {
    return `There is no Postgres; BENCH_POSTGRES_URL can name one. (${String(error).slice(0, 200)})`;
  }
}
