/** The type of a column, as Postgres names it. An enum is its name in double quotes. */
export type ColumnType = 'text' | `"${string}"` | 'int' | 'bigint' | 'double precision' | 'boolean' | 'timestamp';

type TypeOf<Value> = Value extends string
  ? string extends Value
    ? 'text'
    : `"${string}"`
  : Value extends number
    ? 'int' | 'bigint' | 'double precision'
    : Value extends boolean
      ? 'boolean'
      : Value extends Date
        ? 'timestamp'
        : never;

/** Every column of a row with its type. The order is that of the SQL. */
export type ColumnTypes<Row> = { readonly [Name in keyof Row]-?: TypeOf<NonNullable<Row[Name]>> };

/**
 * A statement that many requests run. It goes to the driver as it is and is prepared once: the Prisma client takes ten times
 * as long. Everything else is queried through that client.
 */
export interface Statement<Row> {
  /** Types of the columns that the statement returns, in their order. */
  columns: ColumnTypes<Row>;
  sqlite: string;
  postgresql: string;
  /** Whether it changes rows and therefore runs on the writing connection. */
  writes?: boolean;
  /** Whether it finds rows by keys, so that Postgres can plan it once for all parameters. It must not write. */
  keyed?: boolean;
  /** Whether it reads many rows: the SQLite driver blocks the event loop, so other work runs before it. */
  reads?: 'many';
  /**
   * The owner whose rows it looks through, however many there are. SQLite runs it in a thread of its own, in which owners take turns,
   * because the driver would block the event loop for as long as it takes.
   */
  scansRowsOf?: string;
}

export type Parameter = string | number | null;

/** The parts in which the two dialects of one statement differ. */
export interface SqlParts {
  /** Follows a column and takes one parameter: a JSON array of ids (see `idList`). */
  inIds: string;
  /** Follows a table and names the index to use. Only SQLite, which has no statistics, needs it. */
  indexedBy(index: string): string;
  /** Follows FROM or JOIN and takes one parameter: a JSON array of objects, read as a table of these columns. */
  rows(name: string, columns: Readonly<Record<string, ColumnType>>): string;
}

const parts: Record<'sqlite' | 'postgresql', SqlParts> = {
  sqlite: {
    inIds: 'IN (SELECT value FROM json_each(?))',
    indexedBy: (index) => `INDEXED BY "${index}"`,
    rows: (name, columns) =>
      `(SELECT ${Object.keys(columns)
        .map((column) => `value ->> '${column}' AS "${column}"`)
        .join(', ')} FROM json_each(?)) AS "${name}"`,
  },
  postgresql: {
    inIds: 'IN (SELECT jsonb_array_elements_text(?::jsonb))',
    indexedBy: () => '',
    rows: (name, columns) => `jsonb_to_recordset(?::jsonb) AS "${name}"(${columnDefinitions(columns)})`,
  },
};

/** Names and types, as `jsonb_to_recordset` takes them. */
export function columnDefinitions(columns: Readonly<Record<string, ColumnType>>): string {
  return Object.entries(columns)
    .map(([name, type]) => `"${name}" ${type}`)
    .join(', ');
}

/** @param write returns the SQL of one dialect, with a `?` for each parameter, in order */
export function statement<Row>(columns: ColumnTypes<Row>, write: (parts: SqlParts) => string): Statement<Row> {
  return { columns, sqlite: write(parts.sqlite), postgresql: numbered(write(parts.postgresql)) };
}

/** A statement that changes rows and returns them. */
export function writingStatement<Row>(columns: ColumnTypes<Row>, write: (parts: SqlParts) => string): Statement<Row> {
  return { ...statement(columns, write), writes: true };
}

/** A statement that finds rows by keys. */
export function keyed<Row>(lookup: Statement<Row>): Statement<Row> {
  return { ...lookup, keyed: true };
}

/** The parameter of `inIds`. Ids that Postgres cannot store are left out: no row has them. */
export function idList(ids: readonly string[]): string {
  return JSON.stringify(ids.filter((id) => id.isWellFormed() && !id.includes('\0')));
}

/** Replaces each `?` with `$1`, `$2`, …, as Postgres requires. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replace(/\?/g, () => {
    count += 1;
    return `$${count}`;
  });
}

/** Makes a row of the values that a driver returned, which differ between the drivers. */
export function rowOf<Row>({ columns }: Pick<Statement<Row>, 'columns'>, values: readonly unknown[]): Row {
  const types: Readonly<Record<string, ColumnType>> = columns;
  const row: Record<string, unknown> = {};
  let index = 0;
  // Takes a third of the time of `Object.fromEntries`.
  for (const name in types) {
    row[name] = readValue(types[name], values[index]);
    index += 1;
  }
  // The statement's columns are exactly the properties of the row.
  return row as Row;
}

function readValue(type: ColumnType | undefined, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'int':
    case 'bigint':
    case 'double precision':
      return Number(value);
    case 'boolean':
      return Boolean(value);
    case 'timestamp':
      return value instanceof Date ? value : new Date(String(value));
    default:
      return value;
  }
}
