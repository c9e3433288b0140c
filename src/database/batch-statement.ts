import { type ColumnType, type ColumnTypes, columnDefinitions } from './statement.ts';

/** A statement that takes any number of rows as one JSON array: one call for each row takes several times as long. */
export interface BatchStatement {
  /**
   * The statements of one transaction run in this order: first deletions and locks (1 to 9), then sessions and new runs (10
   * to 19), tapes (20 to 49), and the rows that follow from events, so that rows exist before others refer to them.
   */
  order: number;
  /** Of the rows that are equal in these columns only the last one is written; null writes all of them. */
  distinct: readonly string[] | null;
  /** Null if SQLite, which runs one writing transaction at a time, has nothing to do. */
  sqlite: string | null;
  postgresql: string;
}

/** One row as a statement takes it: its times are strings made by `databaseTime`. */
export type Row = Record<string, string | number | boolean | null>;

export interface RowWrite {
  statement: BatchStatement;
  row: Row;
}

/** Makes the write of one row. Times are given as a `Date` or in epoch milliseconds. */
export type RowWriter<Input> = (row: RowInput<Input>) => RowWrite;

/** A row whose times may be numbers. */
export type RowInput<Input> = {
  [Name in keyof Input]: Date extends Input[Name] ? Input[Name] | number : Input[Name];
};

/** How one dialect reads the rows of a batch. */
export interface BatchSource {
  dialect: 'sqlite' | 'postgresql';
  /** Follows FROM: the rows, under the name `element`. */
  rows: string;
  /** A column of the rows, as an expression. */
  value(column: string): string;
}

interface BatchOptions<Input> {
  /** See `BatchStatement`. */
  order: number;
  distinct?: readonly string[] | null;
  columns: ColumnTypes<Input>;
  /** Whether SQLite leaves the statement out. */
  postgresqlOnly?: boolean;
}

/** Defines a statement over a batch of rows, which `write` returns for one dialect. */
export function batchWriter<Input>(
  { order, distinct = null, columns, postgresqlOnly = false }: BatchOptions<Input>,
  write: (source: BatchSource) => string,
): RowWriter<Input> {
  const types: Readonly<Record<string, ColumnType>> = columns;
  const statement: BatchStatement = {
    order,
    distinct,
    sqlite: postgresqlOnly
      ? null
      : write({
          dialect: 'sqlite',
          rows: 'json_each(?) AS element',
          value: (column) => `(element.value ->> '${column}')`,
        }),
    postgresql: write({
      dialect: 'postgresql',
      rows: `jsonb_to_recordset($1::jsonb) AS element(${columnDefinitions(types)})`,
      value: (column) => `element."${column}"`,
    }),
  };
  const times = Object.keys(types).filter((name) => types[name] === 'timestamp');
  return (row) => ({ statement, row: storedRow(row, times) });
}

function storedRow(row: object, times: readonly string[]): Row {
  // The values of all other column types are JSON values already.
  if (times.length === 0) return row as Row;
  const stored: Record<string, Row[string] | Date> = { ...row };
  for (const name of times) {
    const time = stored[name];
    if (time instanceof Date || typeof time === 'number') stored[name] = databaseTime(time);
  }
  return stored as Row;
}

/** A time as the Prisma client stores it in SQLite, so that times of either origin compare correctly as text. */
export function databaseTime(time: Date | number): string {
  return new Date(time).toISOString().replace('Z', '+00:00');
}

export interface BatchGroup {
  sql: string;
  /** The statement's only parameter: a JSON array. */
  rows: string;
}

/** Groups rows by statement, in the order in which the statements must run. */
export function groupRows(writes: readonly RowWrite[], dialect: 'sqlite' | 'postgresql'): BatchGroup[] {
  const groups = new Map<BatchStatement, Row[]>();
  for (const { statement, row } of writes) {
    const rows = groups.get(statement);
    if (rows) rows.push(row);
    else groups.set(statement, [row]);
  }
  return [...groups]
    .sort(([left], [right]) => left.order - right.order)
    .flatMap(([statement, rows]) => {
      const sql = statement[dialect];
      return sql === null ? [] : [{ sql, rows: JSON.stringify(distinctRows(statement, rows)) }];
    });
}

function distinctRows({ distinct }: BatchStatement, rows: Row[]): Row[] {
  if (distinct === null || rows.length === 1) return rows;
  return [...new Map(rows.map((row) => [JSON.stringify(distinct.map((name) => row[name])), row])).values()];
}

/** The part of the Prisma client that `executeWrites` needs. */
interface RawExecutor {
  $executeRawUnsafe(sql: string, rows: string): Promise<number>;
}

/** Writes rows in a transaction of the Prisma client. */
export async function executeWrites(
  transaction: RawExecutor,
  dialect: 'sqlite' | 'postgresql',
  writes: readonly RowWrite[],
): Promise<void> {
  for (const { sql, rows } of groupRows(writes, dialect)) await transaction.$executeRawUnsafe(sql, rows);
}
