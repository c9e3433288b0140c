/** What a column holds; drivers do not agree on how they hand it over. */
type ColumnKind = 'text' | 'number' | 'boolean' | 'time';

type KindOf<Value> = Value extends string
  ? 'text'
  : Value extends number
    ? 'number'
    : Value extends boolean
      ? 'boolean'
      : Value extends Date
        ? 'time'
        : never;

/** Every column of a row with what it holds, null aside. */
export type ColumnsOf<Row> = { readonly [Name in keyof Row]-?: KindOf<NonNullable<Row[Name]>> };

/**
 * A statement of the way that every run goes. It reaches the driver as it stands: through the typed client it costs ten
 * times as much. Everything else is asked through that client.
 */
export interface Statement<Row> {
  columns: ColumnsOf<Row>;
  sqlite: string;
  postgresql: string;
  /** Whether it changes rows: it then runs where writes run. */
  writes?: boolean;
  /** Whether it reads many rows: on SQLite, whose driver blocks, other work then runs before it. */
  reads?: 'many';
}

export type Parameter = string | number | null;

/** What differs between the stores in a statement that is otherwise the same. */
interface Words {
  /** Follows a column: any of the ids in a parameter that is a JSON array. */
  inIds: string;
  /** Follows a table: read by this index. Postgres knows how many rows there are, and finds it by itself. */
  by(index: string): string;
  /** Stands behind FROM or JOIN: a parameter that is a JSON array of objects, as a table. Name to Postgres type. */
  rows(name: string, columns: Readonly<Record<string, string>>): string;
}

const words: Record<'sqlite' | 'postgresql', Words> = {
  sqlite: {
    inIds: 'IN (SELECT value FROM json_each(?))',
    by: (index) => `INDEXED BY "${index}"`,
    rows: (name, columns) =>
      `(SELECT ${Object.keys(columns)
        .map((column) => `value ->> '${column}' AS "${column}"`)
        .join(', ')} FROM json_each(?)) AS "${name}"`,
  },
  postgresql: {
    inIds: 'IN (SELECT jsonb_array_elements_text(?::jsonb))',
    by: () => '',
    rows: (name, columns) =>
      `jsonb_to_recordset(?::jsonb) AS "${name}"(${Object.entries(columns)
        .map(([column, type]) => `"${column}" ${type}`)
        .join(', ')})`,
  },
};

/** @param write the text for one store, with a `?` for each parameter, in order */
export function statement<Row>(columns: ColumnsOf<Row>, write: (words: Words) => string): Statement<Row> {
  return { columns, sqlite: write(words.sqlite), postgresql: numbered(write(words.postgresql)) };
}

/** The same for a statement that changes rows and returns them. */
export function writingStatement<Row>(columns: ColumnsOf<Row>, write: (words: Words) => string): Statement<Row> {
  return { ...statement(columns, write), writes: true };
}

/** What `inIds` takes. Ids that no store can hold are left out: there is no row of theirs. */
export function idList(ids: readonly string[]): string {
  return JSON.stringify(ids.filter((id) => id.isWellFormed() && !id.includes('\0')));
}

/** Parameters as Postgres wants them: `$1`, `$2`, … in the place of each `?`. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replace(/\?/g, () => {
    count += 1;
    return `$${count}`;
  });
}

/** The columns of a table, as a statement lists them. */
export function columnList(table: string, columns: Readonly<Record<string, ColumnKind>>): string {
  return Object.keys(columns)
    .map((name) => `"${table}"."${name}"`)
    .join(', ');
}

/** A row from its values, in the order of the columns. */
export function rowOf<Row>({ columns }: Statement<Row>, values: readonly unknown[]): Row {
  const kinds = Object.entries<ColumnKind>(columns);
  // What the columns say is what the row has.
  return Object.fromEntries(kinds.map(([name, kind], place) => [name, readValue(kind, values[place])])) as Row;
}

function readValue(kind: ColumnKind, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case 'text':
      return value;
    case 'number':
      return Number(value);
    case 'boolean':
      return Boolean(value);
    case 'time':
      return value instanceof Date ? value : new Date(String(value));
    default:
      return kind satisfies never;
  }
}
