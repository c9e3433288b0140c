import { databaseTime } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import { numbered, type Parameter } from '../database/statement.ts';
import { createIds } from '../ids.ts';

/** The group of a row. A part that the report is not grouped by, or that its runs do not have, is empty. */
export interface UsageKey {
  /** The UTC day on which the runs were created, as in 2026-11-26. */
  day: string;
  sessionId: string;
  model: string;
  agentId: string;
}

/** In the order of the list: days and sessions newest first, then the names of models and the ids of agents. */
export const usageParts = ['day', 'sessionId', 'model', 'agentId'] as const satisfies (keyof UsageKey)[];
export type UsagePart = (typeof usageParts)[number];

export interface UsageReportRow {
  key: UsageKey;
  runs: number;
  inputTokens: number;
  outputTokens: number;
  /** Null if a model that answered has no price. */
  cost: number | null;
  estimated: boolean;
}

export interface UsageReportQuery {
  owner: string;
  since: Date;
  /** Exclusive; null for no bound. */
  until: Date | null;
  groupBy: ReadonlySet<UsagePart>;
}

interface PartSql {
  sqlite: string;
  postgresql: string;
  isDescending: boolean;
}

const sameInBoth = (sql: string, isDescending: boolean): PartSql => ({ sqlite: sql, postgresql: sql, isDescending });

const partSql: Readonly<Record<UsagePart, PartSql>> = {
  day: {
    sqlite: `substr("Run"."createdAt", 1, 10)`,
    postgresql: `to_char("Run"."createdAt", 'YYYY-MM-DD')`,
    isDescending: true,
  },
  sessionId: sameInBoth('"Run"."sessionId"', true),
  model: sameInBoth(`coalesce("Run"."model", '')`, false),
  agentId: sameInBoth(`coalesce("Run"."agentId", '')`, false),
};

/** The id of a run can be older than its record: the message may have waited for other commands of its session. */
export const ID_AGE_MILLISECONDS = 60 * 60 * 1000;

type Cells = [day: string, sessionId: string, model: string, agentId: string, ...sums: (number | null)[]];

/** Sums up the runs of one owner by groups, in one statement. Returns at most `limit` rows after a key. */
export async function usageReport(
  database: Database,
  query: UsageReportQuery,
  after: UsageKey | null,
  limit: number,
): Promise<UsageReportRow[]> {
  const { owner, since, until } = query;
  const groups = usageParts.filter((part) => query.groupBy.has(part));
  const firstId = createIds(() => Math.max(1, since.getTime() - ID_AGE_MILLISECONDS))('run');
  const values: Parameter[] = [owner, databaseTime(since), firstId, databaseTime(since)];
  if (until !== null) values.push(databaseTime(until));
  if (after !== null)
    values.push(...groups.flatMap((_, index) => groups.slice(0, index + 1).map((part) => after[part])));
  const sql = { groups, isBounded: until !== null, isContinued: after !== null && groups.length > 0 };
  const rows = await queryJson<Cells>(
    database,
    { sqlite: reportSql('sqlite', sql), postgresql: numbered(reportSql('postgresql', sql)), scansRowsOf: owner },
    ...values,
    limit,
  );
  return rows.map(([day, sessionId, model, agentId, runs, inputTokens, outputTokens, cost = null, estimated]) => ({
    key: { day, sessionId, model, agentId },
    runs: runs ?? 0,
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cost,
    estimated: estimated === 1,
  }));
}

interface ReportSql {
  groups: readonly UsagePart[];
  isBounded: boolean;
  isContinued: boolean;
}

function reportSql(dialect: 'sqlite' | 'postgresql', { groups, isBounded, isContinued }: ReportSql): string {
  const expression = (part: UsagePart) => partSql[part][dialect];
  const keys = usageParts.map((part) => `${groups.includes(part) ? expression(part) : `''`} AS "${part}"`);
  // Each alternative: the parts before are equal, and this one comes later in the list.
  const later = groups.map((part, index) => {
    const equal = groups.slice(0, index).map((each) => `${expression(each)} = ?`);
    return `(${[...equal, `${expression(part)} ${partSql[part].isDescending ? '<' : '>'} ?`].join(' AND ')})`;
  });
  const order = groups.map((part) => `"${part}" ${partSql[part].isDescending ? 'DESC' : 'ASC'}`);
  // A session is at least as recent as its newest message.
  const report = `SELECT ${keys.join(', ')}, count(*) AS "runs", sum("inputTokens") AS "input", sum("outputTokens") AS "output",
      CASE WHEN max(CASE WHEN "steps" > 0 AND "cost" IS NULL THEN 1 ELSE 0 END) = 0 THEN coalesce(sum("cost"), 0) END AS "cost",
      max(CASE WHEN "usageEstimated" THEN 1 ELSE 0 END) AS "estimated"
    FROM "Session" JOIN "Run" ON "Run"."sessionId" = "Session"."id"
    WHERE "Session"."owner" = ? AND "Session"."activeAt" >= ? AND "Run"."id" >= ? AND "Run"."createdAt" >= ?
      ${isBounded ? 'AND "Run"."createdAt" < ?' : ''} ${isContinued ? `AND (${later.join(' OR ')})` : ''}
    ${groups.length === 0 ? '' : `GROUP BY ${groups.map(expression).join(', ')}`} HAVING count(*) > 0
    ${groups.length === 0 ? '' : `ORDER BY ${order.join(', ')}`} LIMIT ?`;
  const cells = [...usageParts, 'runs', 'input', 'output', 'cost', 'estimated'].map((name) => `"${name}"`).join(', ');
  return dialect === 'sqlite'
    ? `SELECT json_group_array(json_array(${cells})) FROM (${report})`
    : `SELECT json_agg(json_build_array(${cells}))::text FROM (${report}) AS report`;
}
