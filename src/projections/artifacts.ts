import { batchInsert, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Client } from '../database/database.ts';
import type { CompactionArtifact } from '../database/generated/sqlite/client.ts';
import type { Segment } from '../domain/session/lineage.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

export type ArtifactRow = CompactionArtifact;

const insertStatement = batchInsert({
  name: 'insert artifact',
  order: 26,
  table: 'CompactionArtifact',
  columns: {
    ...{ id: 'text', sessionId: 'text', runId: 'text', trigger: '"CompactionTrigger"', summary: 'text' },
    ...{ fromRunId: 'text', fromSeq: 'int', fromTurn: 'int', toRunId: 'text', toSeq: 'int', toTurn: 'int' },
    ...{ eventCount: 'int', tokensBefore: 'int', tokensAfter: 'int', previousId: 'text', model: 'text' },
    ...{ inputTokens: 'int', outputTokens: 'int', usageEstimated: 'boolean', cost: 'double precision' },
    createdAt: 'timestamp',
  },
  key: ['id'],
  replace: [],
  onConflict: 'refuse',
});

/** Goes into the append that tells of it, or stands alone where no run caused it. */
export function insertArtifact(artifact: ArtifactRow): RowWrite {
  return { statement: insertStatement, row: { ...artifact, createdAt: databaseTime(artifact.createdAt.getTime()) } };
}

/** Segments that one look takes: databases bound the parameters of a statement. */
const MOST_SEGMENTS = 500;

/** The summary that goes furthest of those that lie wholly within what is seen; null where there is none. */
export async function furthestArtifact(reader: Client, segments: readonly Segment[]): Promise<ArtifactRow | null> {
  // Turns have no holes: one that begins elsewhere was made when more, or less, was shown.
  const fromTurn = Math.min(...segments.map((segment) => segment.fromTurn));
  return reader.compactionArtifact.findFirst({
    where: { OR: segments.slice(0, MOST_SEGMENTS).map((segment) => within(segment)), fromTurn },
    orderBy: [{ toTurn: 'desc' }, { toSeq: 'desc' }, { id: 'desc' }],
  });
}

function within({ sessionId, upToTurn, cut }: Segment) {
  if (cut === null) return { sessionId, toTurn: { lte: upToTurn } };
  return {
    sessionId,
    OR: [
      { toTurn: { lt: upToTurn } },
      { toTurn: upToTurn, toRunId: { not: cut.runId } },
      { toTurn: upToTurn, toSeq: { lte: cut.seq } },
    ],
  };
}

export function artifactsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<ArtifactRow[]> {
  return reader.compactionArtifact.findMany({ where: { id: { in: [...ids] }, session: { owner } } });
}

export function artifactById(reader: Client, id: string): Promise<ArtifactRow | null> {
  return reader.compactionArtifact.findUnique({ where: { id } });
}

/** Newest first. */
export function pageArtifacts(reader: Client, sessionId: string, page: PageArguments): Promise<RowPage<ArtifactRow>> {
  return keysetPage(page, 'newest-first', ({ where, ...rest }) =>
    reader.compactionArtifact.findMany({ where: { sessionId, ...where }, ...rest }),
  );
}
