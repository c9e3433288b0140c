import { databaseTime } from '../../src/database/batch-statement.ts';
import type { Client } from '../../src/database/database.ts';
import type { Parameter } from '../../src/database/statement.ts';
import type { Store } from './store.ts';

export type Where = Readonly<Record<string, unknown>>;
export type Row = Record<string, unknown>;

export interface FindOptions {
  where?: Where;
  orderBy?: Readonly<Record<string, string>> | readonly Readonly<Record<string, string>>[];
  take?: number;
}

export interface Condition {
  sql: string;
  parameters: Parameter[];
}

const operators: Readonly<Record<string, string>> = { lt: '<', lte: '<=', gt: '>', gte: '>=', not: 'IS NOT' };
const booleans: readonly string[] = ['urgent', 'errorRetryable', 'usageEstimated', 'closed', 'lost'];

/**
 * The part of the Prisma client that the simulated parts use.
 * @param call performs a read at the database, which may fail
 */
export function createReader(store: Store, call: <Result>(read: () => Result) => Promise<Result>): Client {
  const table = (name: string) => ({
    findMany: (options: FindOptions) => call(() => find(store, name, options)),
    findFirst: (options: FindOptions) => call(() => find(store, name, { ...options, take: 1 })[0] ?? null),
    findUnique: (options: FindOptions) => call(() => find(store, name, options)[0] ?? null),
    groupBy: ({ where }: FindOptions) =>
      call(() => {
        const { sql, parameters } = conditionOf(where ?? {});
        const groups = store.select(
          `SELECT "sessionId", max("id") AS "max" FROM "${name}" WHERE ${sql} GROUP BY "sessionId"`,
          ...parameters,
        );
        return groups.map(({ sessionId, max }) => ({ sessionId, _max: { id: max } }));
      }),
  });
  const reader = {
    run: table('Run'),
    session: table('Session'),
    wait: table('Wait'),
    grant: table('Grant'),
    idempotencyKey: table('IdempotencyKey'),
    /** Only the statement about the leases of other servers is sent this way. */
    $queryRawUnsafe: (_sql: string, holder: string) => call(() => [{ milliseconds: store.firstExpiry(holder) }]),
  };
  return reader as unknown as Client;
}

export function find(store: Store, table: string, { where = {}, orderBy = [], take }: FindOptions): Row[] {
  const { sql, parameters } = conditionOf(where);
  const terms = [orderBy].flat().flatMap((term) => Object.entries(term));
  const order = terms.length === 0 ? '' : ` ORDER BY ${terms.map(([name, way]) => `"${name}" ${way}`).join(', ')}`;
  const limit = take === undefined ? '' : ` LIMIT ${take}`;
  return store.select(`SELECT * FROM "${table}" WHERE ${sql}${order}${limit}`, ...parameters).map(readRow);
}

function readRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (value !== null && name.endsWith('At')) return [name, new Date(String(value))];
      return [name, value !== null && booleans.includes(name) ? Boolean(value) : value];
    }),
  );
}

export function conditionOf(where: Where): Condition {
  const conditions = Object.entries(where)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => memberCondition(name, value));
  return joined(conditions, ' AND ', 'true');
}

function memberCondition(name: string, value: unknown): Condition {
  // Of the owner: all runs have the same one.
  if (name === 'run') return { sql: 'true', parameters: [] };
  if (name === 'OR') return joined((value as Where[]).map(conditionOf), ' OR ', 'false');
  if (value === null) return { sql: `"${name}" IS NULL`, parameters: [] };
  if (typeof value !== 'object' || value instanceof Date) return { sql: `"${name}" = ?`, parameters: [stored(value)] };
  const members = Object.entries(value);
  return joined(
    members.map(([operator, operand]) => {
      if (operator === 'in') {
        const list = operand as unknown[];
        return { sql: `"${name}" IN (${list.map(() => '?').join(', ')})`, parameters: list.map(stored) };
      }
      const symbol = operators[operator];
      // The members of a compound key are columns.
      return symbol === undefined
        ? memberCondition(operator, operand)
        : { sql: `"${name}" ${symbol} ?`, parameters: [stored(operand)] };
    }),
    ' AND ',
    'true',
  );
}

function joined(conditions: readonly Condition[], separator: string, empty: string): Condition {
  if (conditions.length === 0) return { sql: empty, parameters: [] };
  return {
    sql: `(${conditions.map(({ sql }) => sql).join(separator)})`,
    parameters: conditions.flatMap(({ parameters }) => parameters),
  };
}

function stored(value: unknown): Parameter {
  if (value instanceof Date) return databaseTime(value);
  if (typeof value === 'boolean') return Number(value);
  return value as Parameter;
}
