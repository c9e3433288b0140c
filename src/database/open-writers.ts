import type { Statement } from './statement.ts';

/** A transaction that has written to a table and has not ended. */
export interface OpenWriter {
  /** No other transaction of the database has it. */
  id: string;
  /** Process of the database that executes it. */
  pid: number;
  openSeconds: number;
}

/**
 * The transactions that have inserted, changed or deleted rows of a table and have not ended. On Postgres each of them holds a lock
 * on the table. On SQLite there are none: its one writer has committed before a read that could see them.
 */
export function openWritersOf(table: string): Statement<OpenWriter> {
  return {
    columns: { id: 'text', pid: 'int', openSeconds: 'double precision' },
    sqlite: 'SELECT NULL, NULL, NULL WHERE false',
    postgresql: `SELECT locks."virtualtransaction", coalesce(locks."pid", 0),
        coalesce(extract(epoch FROM clock_timestamp() - activity."xact_start"), 0)::float8
      FROM pg_locks AS locks LEFT JOIN pg_stat_activity AS activity ON activity."pid" = locks."pid"
      WHERE locks."locktype" = 'relation' AND locks."mode" = 'RowExclusiveLock' AND locks."relation" = '"${table}"'::regclass
        AND locks."database" = (SELECT "oid" FROM pg_database WHERE "datname" = current_database())`,
  };
}
