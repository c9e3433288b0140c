import type { Database } from './database.ts';
import { type Parameter, type Statement, statement } from './statement.ts';

/** A condition of a WHERE clause, for both databases. Each `?` stands for one of the parameters, in their order. */
export interface Condition {
  sql: string;
  parameters: (string | number)[];
}

/** True if there are no conditions. */
export function allOf(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.length === 0 ? 'true' : conditions.map(({ sql }) => sql).join(' AND '),
    parameters: conditions.flatMap(({ parameters }) => parameters),
  };
}

/** No condition if the value is undefined. */
export function equals(expression: string, value: string | undefined): Condition[] {
  return value === undefined ? [] : [{ sql: `${expression} = ?`, parameters: [value] }];
}

/** No condition if there is no list. An empty list selects nothing. */
export function isOneOf(expression: string, values: readonly string[] | undefined): Condition[] {
  if (values === undefined) return [];
  const parameters = [...new Set(values)];
  const list = parameters.length === 0 ? 'NULL' : parameters.map(() => '?').join(', ');
  return [{ sql: `${expression} IN (${list})`, parameters }];
}

/**
 * Rows of a table that belong to sessions of one owner.
 *
 * @param isNarrow whether an index serves another condition. The owner of each row is then looked up; otherwise the rows of all
 * sessions of the owner are.
 */
export function ofOwner(table: string, owner: string, isNarrow: boolean): Condition {
  const sql = isNarrow
    ? `(SELECT "owner" FROM "Session" WHERE "id" = "${table}"."sessionId") = ?`
    : `"${table}"."sessionId" IN (SELECT "id" FROM "Session" WHERE "owner" = ?)`;
  return { sql, parameters: [owner] };
}

/** A part of a list in descending order. */
interface ListPart {
  /** Whose rows the condition selects. */
  owner: string;
  /** Columns that order the list, each with its table. */
  order: readonly string[];
  /** Values of these columns, exclusive; null for no bound. */
  after: Parameter[] | null;
  before: Parameter[] | null;
  /** The end of the part that the rows are taken from. */
  from: 'start' | 'end';
  limit: number;
}

/** A table whose rows have an id. */
interface ListedTable<Row> {
  name: string;
  /** Returns the statement for what follows FROM and the name. */
  select(rest: () => string): Statement<Row>;
}

/** Reads a part of a list, from the requested end. */
export function readList<Row>(
  database: Database,
  { name, select }: ListedTable<Row>,
  condition: Condition,
  { owner, order, after, before, from, limit }: ListPart,
): Promise<Row[]> {
  const placeholders = order.map(() => '?').join(', ');
  const bound = (side: '<' | '>') => ` AND (${order.join(', ')}) ${side} (${placeholders})`;
  const where = `${condition.sql}${after ? bound('<') : ''}${before ? bound('>') : ''}`;
  const direction = from === 'start' ? 'DESC' : 'ASC';
  const orderBy = `ORDER BY ${order.map((column) => `${column} ${direction}`).join(', ')}`;
  // Where no index has this order, only ids are sorted, and not whole rows.
  const ids = `SELECT "${name}"."id" FROM "${name}" WHERE ${where} ${orderBy} LIMIT ?`;
  const values = [...condition.parameters, ...(after ?? []), ...(before ?? []), limit];
  const list = select(() => `WHERE "${name}"."id" IN (${ids}) ${orderBy}`);
  return database.query({ ...list, scansRowsOf: owner }, ...values);
}

/** Counts up to `maximum` rows of a table. @param owner whose rows the condition selects; empty for those of everybody */
export async function countRows(
  database: Database,
  { table, owner }: { table: string; owner: string },
  { sql, parameters }: Condition,
  maximum: number,
): Promise<number> {
  const count = statement<{ count: number }>(
    { count: 'int' },
    () => `SELECT count(*) FROM (SELECT 1 FROM "${table}" WHERE ${sql} LIMIT ?) AS counted`,
  );
  const [row] = await database.query({ ...count, scansRowsOf: owner }, ...parameters, maximum);
  return row?.count ?? 0;
}
