import { type ColumnType, type ColumnTypes, columnDefinitions, type Parameter } from './statement.ts';

/** A statement that writes any number of rows. */
export interface BatchStatement {
  /**
   * The statements of one transaction run in this order: first deletions and locks (1 to 9), then sessions and new runs (10
   * to 19), tapes (20 to 49), and the rows that follow from events, so that rows exist before others refer to them.
   */
  order: number;
  /** Of the rows that are equal in these columns only the last one is written; null writes all of them. */
  distinct: readonly string[] | null;
  /** Null if SQLite, which runs one writing transaction at a time, has nothing to do. */
  sqlite: RowStatement | null;
  /** Takes all rows as one JSON array: a call for each row would be a message for each row. */
  postgresql: string;
}

/**
 * A statement that runs once for each row. In the process of the database a call costs less than a row of JSON, which SQLite
 * parses again for every column.
 */
export interface RowStatement {
  sql: string;
  /** The columns of a row that are its parameters, in their order. */
  columns: readonly string[];
}

/** @param write gets what follows FROM: the row, under the name `element` */
export function rowStatement(columns: readonly string[], write: (row: string) => string): RowStatement {
  return { sql: write(`(SELECT ${columns.map((name) => `? AS "${name}"`).join(', ')}) AS element`), columns };
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
  /** Follows FROM, once: the rows, under the name `element`. */
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
  const value = (column: string) => `element."${column}"`;
  const statement: BatchStatement = {
    order,
    distinct,
    sqlite: postgresqlOnly
      ? null
      : rowStatement(Object.keys(types), (rows) => write({ dialect: 'sqlite', rows, value })),
    postgresql: write({
      dialect: 'postgresql',
      rows: `jsonb_to_recordset($1::jsonb) AS element(${columnDefinitions(types)})`,
      value,
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

/** Groups rows by statement, in the order in which the statements must run, for Postgres. */
export function groupRows(writes: readonly RowWrite[]): BatchGroup[] {
  return byStatement(writes).map(([{ postgresql }, rows]) => ({ sql: postgresql, rows: JSON.stringify(rows) }));
}

export interface BoundGroup {
  sql: string;
  /** The parameters of each execution. */
  rows: Parameter[][];
}

/** The same for SQLite. */
export function bindRows(writes: readonly RowWrite[]): BoundGroup[] {
  return byStatement(writes).flatMap(([{ sqlite }, rows]) => {
    if (sqlite === null) return [];
    const { sql, columns } = sqlite;
    return [{ sql, rows: rows.map((row) => boundRow(columns, row)) }];
  });
}

/** The driver takes no booleans. */
function boundRow(columns: readonly string[], row: Row): Parameter[] {
  const parameters: Parameter[] = [];
  for (const name of columns) {
    const value = row[name] ?? null;
    parameters.push(typeof value === 'boolean' ? Number(value) : value);
  }
  return parameters;
}

function byStatement(writes: readonly RowWrite[]): [BatchStatement, Row[]][] {
  const groups = new Map<BatchStatement, Row[]>();
  for (const { statement, row } of writes) {
    const rows = groups.get(statement);
    if (rows) rows.push(row);
    else groups.set(statement, [row]);
  }
  return [...groups]
    .sort(([left], [right]) => left.order - right.order)
    .map(([statement, rows]) => [statement, distinctRows(statement, rows)]);
}

function distinctRows({ distinct }: BatchStatement, rows: Row[]): Row[] {
  if (distinct === null || rows.length === 1) return rows;
  return [...new Map(rows.map((row) => [JSON.stringify(distinct.map((name) => row[name])), row])).values()];
}

/** The part of the Prisma client that `executeWrites` needs. */
interface RawExecutor {
  $executeRawUnsafe(sql: string, ...parameters: Parameter[]): Promise<number>;
}

/** Writes rows in a transaction of the Prisma client. */
export async function executeWrites(
  transaction: RawExecutor,
  dialect: 'sqlite' | 'postgresql',
  writes: readonly RowWrite[],
): Promise<void> {
  if (dialect === 'postgresql') {
    for (const { sql, rows } of groupRows(writes)) await transaction.$executeRawUnsafe(sql, rows);
    return;
  }
  for (const { sql, rows } of bindRows(writes)) {
    for (const parameters of rows) await transaction.$executeRawUnsafe(sql, ...parameters);
  }
}
