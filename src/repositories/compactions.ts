import type { Client, Database } from '../database/database.ts';
import type { CompactionArtifact } from '../database/generated/sqlite/client.ts';
import { keyed } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { Segment } from '../domain/session.ts';

export type CompactionRow = CompactionArtifact;

const compactions = defineTable<CompactionRow>('CompactionArtifact', {
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
});

/** Stores a summary, in the append of its event if a run caused it. */
export const insertCompaction = compactions.insert({ order: 26 });

const latestWithin = keyed(
  compactions.select(
    ({ rows }) => `JOIN ${rows('segment', { id: 'text', upToTurn: 'int', cutRunId: 'text', cutSeq: 'int' })}
      ON "CompactionArtifact"."sessionId" = "segment"."id"
    WHERE "CompactionArtifact"."fromTurn" = ? AND ("CompactionArtifact"."toTurn" < "segment"."upToTurn"
      OR ("CompactionArtifact"."toTurn" = "segment"."upToTurn" AND ("segment"."cutRunId" IS NULL
        OR "CompactionArtifact"."toRunId" <> "segment"."cutRunId" OR "CompactionArtifact"."toSeq" <= "segment"."cutSeq")))
    ORDER BY "CompactionArtifact"."toTurn" DESC, "CompactionArtifact"."toSeq" DESC, "CompactionArtifact"."id" DESC LIMIT 1`,
  ),
);

/** Of the summaries that cover only visible events, the one that reaches furthest; null if there is none. */
export async function latestCompaction(
  database: Database,
  segments: readonly Segment[],
): Promise<CompactionRow | null> {
  if (segments.length === 0) return null;
  // A summary that starts at another turn was made when more or less of the history was visible.
  const fromTurn = Math.min(...segments.map((segment) => segment.fromTurn));
  const visible = segments.map(({ sessionId: id, upToTurn, cut }) => ({
    id,
    upToTurn,
    cutRunId: cut?.runId ?? null,
    cutSeq: cut?.seq ?? null,
  }));
  const [compaction] = await database.query(latestWithin, JSON.stringify(visible), fromTurn);
  return compaction ?? null;
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
