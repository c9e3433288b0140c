import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import { onTestFinished, vi } from 'vitest';

/** A statement as a driver got it. */
interface RecordedStatement {
  sql: string;
  values: unknown[];
}

/** Tables that grow with use. No hot statement may read one of them as a whole. */
const hotTables = ['Run', 'Event', 'Tape', 'Session', 'Lease', 'Wait', 'SessionMetadata', 'RunMetadata'];
/** They hold open runs and current sessions only, so walking through all of one is not a scan of the table. */
const partialIndexes = ['Run_active', 'Run_open', 'Lease_held', 'Lease_suspects', 'Lease_lost'];

const isPlanned = (sql: string) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql);

/** Records every statement that the driver of SQLite prepares from now on, those of Prisma included. */
export function recordSqlite(): { statements: RecordedStatement[]; stop(): void } {
  const statements: RecordedStatement[] = [];
  const { prepare } = BetterSqlite.prototype;
  const spy = vi.spyOn(BetterSqlite.prototype, 'prepare').mockImplementation(function (
    this: BetterSqlite.Database,
    sql,
  ) {
    statements.push({ sql, values: [] });
    return prepare.call(this, sql);
  });
  onTestFinished(() => spy.mockRestore());
  return { statements, stop: () => spy.mockRestore() };
}

/** Records every statement that is sent to Postgres from now on, those of Prisma included. */
export function recordPostgres(): { statements: RecordedStatement[]; stop(): void } {
  const statements: RecordedStatement[] = [];
  const { query } = pg.Client.prototype;
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [config, values] = args as [string | { text: string; values?: unknown[] }, unknown];
    const sql = typeof config === 'string' ? config : config.text;
    const own = typeof config === 'string' ? undefined : config.values;
    statements.push({ sql, values: own ?? (Array.isArray(values) ? values : []) });
    return Reflect.apply(query, this, args);
  });
  onTestFinished(() => spy.mockRestore());
  return { statements, stop: () => spy.mockRestore() };
}

/** How SQLite would execute the statements with a text in them: one line for each step. */
export function sqlitePlans(path: string, statements: readonly RecordedStatement[], text: string): string[][] {
  const file = new BetterSqlite(path, { readonly: true });
  try {
    return distinct(statements)
      .filter(({ sql }) => sql.includes(text))
      .map(({ sql }) => planOf(file, sql));
  } finally {
    file.close();
  }
}

function planOf(file: BetterSqlite.Database, sql: string): string[] {
  const parameters = Array(sql.match(/\?/g)?.length ?? 0).fill(null);
  const plan = file.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
  return plan.map(({ detail }) => detail);
}

/** The tables that each statement reads as a whole, with the statement. */
export function sqliteScans(path: string, statements: readonly RecordedStatement[]): string[] {
  const file = new BetterSqlite(path, { readonly: true });
  try {
    return distinct(statements).flatMap(({ sql }) => {
      const scans = planOf(file, sql).filter((detail) => {
        const match = /^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?$/.exec(detail);
        return match !== null && isHot(match[1] ?? '', sql) && !partialIndexes.includes(match[2] ?? '');
      });
      return scans.map((detail) => `${detail} in ${sql}`);
    });
  } finally {
    file.close();
  }
}

/** Whether the name in a plan is that of a hot table, or of its alias. */
function isHot(name: string, sql: string): boolean {
  const alias = new RegExp(`["\`](\\w+)["\`] AS ["\`]?${name}["\`]?\\b`).exec(sql);
  return hotTables.includes(alias?.[1] ?? name);
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: PlanNode[];
}

/** Without these, the planner takes an index wherever there is one that it can use. */
const scanSettings = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin'];

/**
 * The same on Postgres. It expects a hundred elements in any JSON parameter, and while a table has few rows, a scan is cheaper
 * than that many searches in an index. So the question is whether an index can serve the statement.
 */
export async function postgresScans(url: string, statements: readonly RecordedStatement[]): Promise<string[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    for (const setting of scanSettings) await client.query(`SET ${setting} = off`);
    const indexes = await client.query<{ name: string; column: string }>(
      `SELECT indexname AS name, substring(indexdef FROM '\\("?(\\w+)') AS column FROM pg_indexes WHERE schemaname = 'public'`,
    );
    const firstColumns = new Map(indexes.rows.map(({ name, column }) => [name, column]));
    const found: string[] = [];
    for (const { sql, values } of distinct(statements)) {
      const { rows } = await client.query({ text: `EXPLAIN (FORMAT JSON) ${sql}`, values });
      const [{ Plan: plan }]: [{ Plan: PlanNode }] = rows[0]['QUERY PLAN'];
      for (const node of nodesOf(plan)) if (isScan(node, firstColumns)) found.push(`${describeNode(node)} in ${sql}`);
    }
    return found;
  } finally {
    await client.end();
  }
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
const describeNode = (node: PlanNode) => `${node['Node Type']} of ${node['Index Name'] ?? node['Relation Name']}`;

/** @param firstColumns the first column of each index */
function isScan(node: PlanNode, firstColumns: ReadonlyMap<string, string>): boolean {
  const {
    'Node Type': type,
    'Relation Name': table = '',
    'Index Name': index = '',
    'Index Cond': condition = '',
  } = node;
  if (type === 'Seq Scan') return hotTables.includes(table);
  const isOfHotTable = hotTables.some((name) => index.startsWith(`${name}_`));
  if (!isOfHotTable || partialIndexes.includes(index)) return false;
  // A condition on a later column only is checked along a walk through the whole index.
  return !new RegExp(`\\b${firstColumns.get(index)}\\b`).test(condition);
}

function distinct(statements: readonly RecordedStatement[]): RecordedStatement[] {
  return [...new Map(statements.filter(({ sql }) => isPlanned(sql)).map((each) => [each.sql, each])).values()];
}
