import pg from 'pg';
import { StartError } from '../../config/start-error.ts';

/** A statement that takes longer waits for a lock that is not given back, or for a database that is gone. */
const STATEMENT_MILLISECONDS = 15_000;
/**
 * Between two statements of a transaction. Who is silent for longer is frozen or cut off, and holds locks on runs that others
 * wait to take over.
 */
const SILENCE_MILLISECONDS = 5_000;
/** The server gives up first, so that its answer is heard. */
const ANSWER_MILLISECONDS = STATEMENT_MILLISECONDS + 2_000;
/** For a new connection, or for one of the pool that is free. */
const CONNECT_MILLISECONDS = 5_000;
/** A half-open connection is noticed before the operating system would. */
const KEEP_ALIVE_MILLISECONDS = 10_000;
/** So that a server that came back elsewhere is used again by every connection. */
const LIFETIME_SECONDS = 600;

export const APPLICATION = 'runtape';

/** What every connection is opened with. */
export function connectionOptions(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: APPLICATION,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
  };
}

/** Connections that are opened when they are needed. One that breaks is dropped, and the next one opened. */
export function createPool(url: string, connections: number): pg.Pool {
  const pool = new pg.Pool({
    ...connectionOptions(url),
    max: connections,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    statement_timeout: STATEMENT_MILLISECONDS,
    idle_in_transaction_session_timeout: SILENCE_MILLISECONDS,
    query_timeout: ANSWER_MILLISECONDS,
    pipeline: true,
  });
  // A connection that breaks is no news by itself: whoever uses it, or needs the next one, learns of it by its query.
  pool.on('error', () => undefined);
  pool.on('connect', (connection) => connection.on('error', () => undefined));
  return pool;
}

/** What a URL names, without the password. */
export function nameOf(url: string): string {
  const { host, pathname } = parse(url);
  return `${host || 'localhost'}${pathname}`;
}

function parse(url: string): URL {
  try {
    return new URL(url);
  } catch (error) {
    const form = 'postgres://user:password@host:5432/name';
    throw new StartError(`DATABASE_URL is not a URL like ${form}.`, error);
  }
}
