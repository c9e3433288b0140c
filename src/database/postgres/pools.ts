import pg from 'pg';
import { StartError } from '../../config/start-error.ts';

/** A statement that takes longer waits for a lock that is not released, or for a database that is gone. */
const STATEMENT_MILLISECONDS = 15_000;
/**
 * Between two statements of a transaction. A server that is silent for longer is frozen or disconnected, and holds locks on runs
 * that other servers wait to take over.
 */
const IDLE_IN_TRANSACTION_MILLISECONDS = 5_000;
/** Longer than the limit of the database, so that its error arrives. */
const QUERY_MILLISECONDS = STATEMENT_MILLISECONDS + 2_000;
/** For a new connection, or for a free one of the pool. */
const CONNECT_MILLISECONDS = 5_000;
/** Detects a half-open connection earlier than the operating system does. */
const KEEP_ALIVE_MILLISECONDS = 10_000;
/** After a failover to another address, every connection is replaced within this time. */
const LIFETIME_SECONDS = 600;

/** The name of the connections that servers use. All releases since 0.1.0 have it. */
export const SERVER_NAME = 'runtape';

/** The options of every connection. */
export function connectionOptions(url: string, name = SERVER_NAME): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
  };
}

/**
 * Opens connections on demand, at most `connections` at a time. Replaces a broken one when the next is needed.
 * @param preparedStatements whether the connections will prepare statements
 */
export function createPool(url: string, connections: number, preparedStatements = false): pg.Pool {
  const pool = new pg.Pool({
    ...connectionOptions(url),
    max: connections,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    statement_timeout: STATEMENT_MILLISECONDS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
    query_timeout: QUERY_MILLISECONDS,
    pipeline: true,
  });
  // The query in progress, or the next one, reports a broken connection.
  pool.on('error', () => undefined);
  pool.on('connect', (connection) => {
    connection.on('error', () => undefined);
    // A plan that Postgres keeps was made for the tables as they were: while they grow, it becomes slower than a new one.
    // Without the setting, statements only take longer.
    if (preparedStatements) connection.query('SET plan_cache_mode = force_custom_plan').catch(() => undefined);
  });
  return pool;
}

/** Host, port and database name of a URL, without user and password. Throws a StartError if it is not a URL. */
export function nameOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host || 'localhost'}${pathname}`;
  } catch (error) {
    throw new StartError('DATABASE_URL is not a URL of the form postgres://user:password@host:5432/name.', error);
  }
}
