/** A statement that takes any number of rows as one JSON array: as fast as the driver, where one call a row is not. */
export interface BatchStatement {
  name: string;
  /** Statements of one transaction run in this order: what is referred to comes first. */
  order: number;
  /** Of rows that agree in these columns only the last is written; null where every row counts. */
  distinct: string[] | null;
  /** Null where there is nothing to do for the one server that a file has. */
  sqlite: string | null;
  postgresql: string;
}

/** Rows for one statement. Times are ISO texts made by `databaseTime`. */
export type Row = Record<string, string | number | boolean | null>;

export interface RowWrite {
  statement: BatchStatement;
  row: Row;
}

type Columns = Record<string, string>;

interface InsertShape {
  name: string;
  order: number;
  table: string;
  /** Column to Postgres type, for example `text`, `int`, `timestamp` or `"RunState"`. */
  columns: Columns;
  key: string[];
  /** Columns that a second write replaces. */
  replace: string[];
  onConflict: 'replace' | 'keep' | 'refuse';
}

/** INSERT … ON CONFLICT over a JSON array, in both dialects. */
export function batchInsert(shape: InsertShape): BatchStatement {
  const names = Object.keys(shape.columns);
  const into = `INSERT INTO "${shape.table}" (${quoted(names)})`;
  const conflict = {
    refuse: '',
    keep: ' ON CONFLICT DO NOTHING',
    replace: ` ON CONFLICT (${quoted(shape.key)}) DO UPDATE SET ${shape.replace.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`,
  }[shape.onConflict];
  return {
    name: shape.name,
    order: shape.order,
    distinct: shape.onConflict === 'replace' ? shape.key : null,
    sqlite: `${into} SELECT ${names.map(fromElement).join(', ')} FROM json_each(?) AS element WHERE true${conflict}`,
    postgresql: `${into} SELECT ${quoted(names)} FROM ${recordset(shape.columns)}${conflict}`,
  };
}

interface UpdateShape {
  name: string;
  order: number;
  table: string;
  columns: Columns;
  key: string[];
}

/** UPDATE … FROM over a JSON array, in both dialects: every column that is not of the key is set. */
export function batchUpdate(shape: UpdateShape): BatchStatement {
  const set = Object.keys(shape.columns).filter((name) => !shape.key.includes(name));
  const assignments = (value: (name: string) => string) => set.map((name) => `"${name}" = ${value(name)}`).join(', ');
  const matches = (value: (name: string) => string) =>
    shape.key.map((name) => `"${shape.table}"."${name}" = ${value(name)}`).join(' AND ');
  return {
    name: shape.name,
    order: shape.order,
    distinct: shape.key,
    sqlite: `UPDATE "${shape.table}" SET ${assignments(fromElement)} FROM json_each(?) AS element WHERE ${matches(fromElement)}`,
    postgresql: `UPDATE "${shape.table}" SET ${assignments((name) => `element."${name}"`)} FROM ${recordset(shape.columns)} WHERE ${matches((name) => `element."${name}"`)}`,
  };
}

const quoted = (names: string[]) => names.map((name) => `"${name}"`).join(', ');
const fromElement = (name: string) => `element.value ->> '${name}'`;
const recordset = (columns: Columns) =>
  `jsonb_to_recordset($1::jsonb) AS element(${Object.entries(columns)
    .map(([name, type]) => `"${name}" ${type}`)
    .join(', ')})`;

/** An instant as the typed client writes it, so that texts of both ways compare alike. */
export function databaseTime(epochMilliseconds: number): string {
  return new Date(epochMilliseconds).toISOString().replace('Z', '+00:00');
}

export const optionalDatabaseTime = (epochMilliseconds: number | null): string | null =>
  epochMilliseconds === null ? null : databaseTime(epochMilliseconds);

export interface BatchGroup {
  sql: string;
  /** The statement's one parameter: JSON array. */
  rows: string;
}

/** Rows by statement, in the order in which the statements must run. */
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
