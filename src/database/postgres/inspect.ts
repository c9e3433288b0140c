import pg from 'pg';
import { StartError } from '../../config/start-error.ts';
import { toStoreError } from '../store-error.ts';
import { connectionOptions, nameOf } from './pools.ts';
import { adviceOn } from './postgres.ts';

/** What a server needs to know about a Postgres before it uses it. */
export interface PostgresFacts {
  /** Whether a server has applied migrations to it. */
  isMigrated: boolean;
  /** A replica, or a database that was set to read only. */
  isReadOnly: boolean;
  /** Whether this user may create the tables of migrations. */
  canCreateTables: boolean;
  /** Whether this user may write to the tape; null if there are no tables yet. */
  canWrite: boolean | null;
  /** Connections that users may have open together. */
  connections: number;
  /** Epoch milliseconds, when the statement was executed. */
  now: number;
}

const factsSql = `
  SELECT to_regclass('"_prisma_migrations"') IS NOT NULL AS "isMigrated",
    pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS "isReadOnly",
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "canCreateTables",
    has_table_privilege(to_regclass('"Event"'), 'INSERT') AS "canWrite",
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS "connections",
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "now"`;

/** Connects once, changes nothing, and closes the connection. Throws a StartError if the database cannot be used. */
export async function inspectPostgres(url: string): Promise<PostgresFacts> {
  const name = nameOf(url);
  const client = new pg.Client({ ...connectionOptions(url), statement_timeout: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<PostgresFacts>(factsSql);
    const [facts] = rows;
    if (!facts) throw new Error('it answered nothing');
    return facts;
  } catch (error) {
    const reason = toStoreError(error).detail;
    const advice = adviceOn(reason) || '. Check DATABASE_URL, and that the database is running and reachable.';
    throw new StartError(`The database ${name} cannot be used: ${reason}${advice}`, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
