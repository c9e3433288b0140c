import pg from 'pg';
import { StartError } from '../../config/start-error.ts';

/** A statement that takes longer waits for a lock that is not released, or for a database that is gone. */
export const STATEMENT_MILLISECONDS = 15_000;
/** A commit that waits longer for a row fails, so that the appends that share it can be committed without that row. */
export const LOCK_MILLISECONDS = 2_000;
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

/** Settings of connections, by what they are used for. */
export const settings = {
  /** A plan that Postgres keeps was made for the tables as they were: while they grow, it becomes slower than a new one. */
  anyStatement: { plan_cache_mode: 'force_custom_plan' },
  /** Where rows are found by their keys, one plan stays right: that which follows the indexes, however small the tables were. */
  keyedStatements: {
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    // It compiles expensive plans, and takes a plan with a step that is switched off for one.
    jit: 'off',
  },
} satisfies Record<string, Record<string, string>>;

/**
 * Opens connections on demand, at most `connections` at a time. Replaces a broken one when the next is needed.
 * @param parameters settings of the connections
 */
export function createPool(
  url: string,
  connections: number,
  parameters: Readonly<Record<string, string>> = {},
): pg.Pool {
  const pool = new pg.Pool({
    ...connectionOptions(url),
    options: Object.entries(parameters)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    max: connections,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    statement_timeout: STATEMENT_MILLISECONDS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
    query_timeout: QUERY_MILLISECONDS,
    pipeline: true,
  });
  // The query in progress, or the next one, reports a broken connection.
  pool.on('error', () => undefined);
  pool.on('connect', (connection) => connection.on('error', () => undefined));
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
