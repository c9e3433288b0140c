import { batchInsert, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { CompactionArtifact } from '../database/generated/sqlite/client.ts';
import { type ColumnsOf, columnList, statement } from '../database/statement.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { Segment } from '../domain/session/lineage.ts';

export type CompactionRow = CompactionArtifact;

const insertStatement = batchInsert({
  name: 'insert artifact',
  order: 26,
  table: 'CompactionArtifact',
  columns: {
    id: 'text',
    sessionId: 'text',
    runId: 'text',
    trigger: '"CompactionTrigger"',
    summary: 'text',
    fromRunId: 'text',
    fromSeq: 'int',
    fromTurn: 'int',
    toRunId: 'text',
    toSeq: 'int',
    toTurn: 'int',
    eventCount: 'int',
    tokensBefore: 'int',
    tokensAfter: 'int',
    previousId: 'text',
    model: 'text',
    inputTokens: 'int',
    outputTokens: 'int',
    usageEstimated: 'boolean',
    cost: 'double precision',
    createdAt: 'timestamp',
  },
  key: ['id'],
  replace: [],
  onConflict: 'refuse',
});

/** Goes into the append that tells of it, or stands alone where no run caused it. */
export function insertCompaction(artifact: CompactionRow): RowWrite {
  return { statement: insertStatement, row: { ...artifact, createdAt: databaseTime(artifact.createdAt.getTime()) } };
}

const columns: ColumnsOf<CompactionRow> = {
  id: 'text',
  sessionId: 'text',
  runId: 'text',
  trigger: 'text',
  summary: 'text',
  fromRunId: 'text',
  fromSeq: 'number',
  fromTurn: 'number',
  toRunId: 'text',
  toSeq: 'number',
  toTurn: 'number',
  eventCount: 'number',
  tokensBefore: 'number',
  tokensAfter: 'number',
  previousId: 'text',
  model: 'text',
  inputTokens: 'number',
  outputTokens: 'number',
  usageEstimated: 'boolean',
  cost: 'number',
  createdAt: 'time',
};
const furthest = statement(
  columns,
  ({ rows }) => `SELECT ${columnList('artifact', columns)} FROM "CompactionArtifact" AS "artifact"
    JOIN ${rows('segment', { id: 'text', upToTurn: 'int', cutRunId: 'text', cutSeq: 'int' })}
      ON "artifact"."sessionId" = "segment"."id"
    WHERE "artifact"."fromTurn" = ? AND ("artifact"."toTurn" < "segment"."upToTurn"
      OR ("artifact"."toTurn" = "segment"."upToTurn" AND ("segment"."cutRunId" IS NULL
        OR "artifact"."toRunId" <> "segment"."cutRunId" OR "artifact"."toSeq" <= "segment"."cutSeq")))
    ORDER BY "artifact"."toTurn" DESC, "artifact"."toSeq" DESC, "artifact"."id" DESC LIMIT 1`,
);

/** The summary that goes furthest of those that lie wholly within what is seen; null where there is none. */
export async function latestCompaction(
  database: Database,
  segments: readonly Segment[],
): Promise<CompactionRow | null> {
  if (segments.length === 0) return null;
  // Turns have no holes: one that begins elsewhere was made when more, or less, was shown.
  const fromTurn = Math.min(...segments.map((segment) => segment.fromTurn));
  const seen = segments.map(({ sessionId: id, upToTurn, cut }) => ({
    id,
    upToTurn,
    cutRunId: cut?.runId ?? null,
    cutSeq: cut?.seq ?? null,
  }));
  const [found] = await database.query(furthest, JSON.stringify(seen), fromTurn);
  return found ?? null;
}

export function compactionsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<CompactionRow[]> {
  return reader.compactionArtifact.findMany({ where: { id: { in: [...ids] }, session: { owner } } });
}

export function compactionById(reader: Client, id: string): Promise<CompactionRow | null> {
  return reader.compactionArtifact.findUnique({ where: { id } });
}

/** Newest first. */
export async function pageCompactions(
  reader: Client,
  sessionId: string,
  page: PageArguments,
): Promise<RowPage<CompactionRow>> {
  const { where, ...rest } = keysetQuery(page, 'newest-first');
  return pageOf(await reader.compactionArtifact.findMany({ where: { sessionId, ...where }, ...rest }), page);
}
