import { type BatchSource, batchWriter, type RowWrite, type RowWriter } from './batch-statement.ts';
import { type ColumnType, type ColumnTypes, type SqlParts, type Statement, statement } from './statement.ts';

type Name<Row> = keyof Row & string;
type NullableName<Row> = { [Column in Name<Row>]: null extends Row[Column] ? Column : never }[Name<Row>];

interface InsertOptions<Row, Omitted extends NullableName<Row>> {
  /** See `BatchStatement`. */
  order: number;
  /** Columns that stay null. */
  omit?: readonly Omitted[];
  /** What happens to a row whose key exists: every column but the key and the `fixed` ones is replaced. By default it is refused. */
  replace?: { key: readonly Name<Row>[]; fixed?: readonly Name<Row>[] };
}

interface UpdateOptions<Key, Changed> {
  order: number;
  key: readonly Key[];
  set: readonly Changed[];
}

/** The statements of one table, made of one list of its columns. */
export interface Table<Row> {
  /** Selects whole rows. `rest` returns what follows FROM and the table's name. */
  select(rest: (parts: SqlParts) => string): Statement<Row>;
  insert<Omitted extends NullableName<Row> = never>(
    options: InsertOptions<Row, Omitted>,
  ): RowWriter<Omit<Row, Omitted>>;
  /** Sets columns of the row that has this key. */
  update<Key extends Name<Row>, Changed extends Name<Row>>(
    options: UpdateOptions<Key, Changed>,
  ): RowWriter<Pick<Row, Key | Changed>>;
}

/** Defines a table of both databases. TypeScript compares the columns with the row. */
export function defineTable<Row extends object>(table: string, columns: ColumnTypes<Row>): Table<Row> {
  const names = Object.keys(columns) as Name<Row>[];
  const types: Readonly<Record<string, ColumnType>> = columns;
  // A part of the row has the types that the columns of the whole row were checked for.
  const typesOf = <Part>(chosen: readonly string[]) =>
    Object.fromEntries(chosen.map((name) => [name, types[name]])) as unknown as ColumnTypes<Part>;

  return {
    select(rest) {
      const list = names.map((name) => `"${table}"."${name}"`).join(', ');
      return statement(columns, (parts) => `SELECT ${list} FROM "${table}" ${rest(parts)}`);
    },
    insert<Omitted extends NullableName<Row>>({ order, omit = [], replace }: InsertOptions<Row, Omitted>) {
      const omitted: readonly string[] = omit;
      const inserted = names.filter((name) => !omitted.includes(name));
      const conflict = replace ? conflictClause(inserted, replace.key, replace.fixed ?? []) : '';
      return batchWriter<Omit<Row, Omitted>>(
        { order, distinct: replace?.key ?? null, columns: typesOf(inserted) },
        // SQLite needs the WHERE clause to tell ON CONFLICT from the ON of a join.
        ({ rows, value }) =>
          `INSERT INTO "${table}" (${quoted(inserted)}) SELECT ${inserted.map(value).join(', ')} FROM ${rows} WHERE true${conflict}`,
      );
    },
    update<Key extends Name<Row>, Changed extends Name<Row>>({ order, key, set }: UpdateOptions<Key, Changed>) {
      return batchWriter<Pick<Row, Key | Changed>>(
        { order, distinct: key, columns: typesOf([...key, ...set]) },
        ({ rows, value }) =>
          `UPDATE "${table}" SET ${set.map((name) => `"${name}" = ${value(name)}`).join(', ')} FROM ${rows} WHERE ${matches(table, key, value)}`,
      );
    },
  };
}

/** Defines the statement that deletes the rows with one value in a text column. */
export function deleteRows(table: string, column: string, order: number): (value: string) => RowWrite {
  const write = batchWriter<{ value: string }>(
    { order, distinct: ['value'], columns: { value: 'text' } },
    ({ rows, value }) => `DELETE FROM "${table}" WHERE "${column}" IN (SELECT ${value('value')} FROM ${rows})`,
  );
  return (value) => write({ value });
}

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');

function conflictClause(inserted: readonly string[], key: readonly string[], fixed: readonly string[]): string {
  const replaced = inserted.filter((name) => !key.includes(name) && !fixed.includes(name));
  const assignments = replaced.map((name) => `"${name}" = excluded."${name}"`).join(', ');
  return ` ON CONFLICT (${quoted(key)}) DO UPDATE SET ${assignments}`;
}

function matches(table: string, key: readonly string[], value: BatchSource['value']): string {
  return key.map((name) => `"${table}"."${name}" = ${value(name)}`).join(' AND ');
}
