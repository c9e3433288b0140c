import { batchWriter, type RowWrite } from '../database/batch-statement.ts';
import type { SequencedEvent } from '../domain/events.ts';
import { metadataDigests } from '../domain/metadata.ts';
import type { Run } from '../domain/run.ts';

const insertDigest = batchWriter<{ runId: string; sessionId: string; digest: string }>(
  { order: 16, columns: { runId: 'text', sessionId: 'text', digest: 'text' } },
  ({ rows, value }) => `INSERT INTO "RunMetadata" ("runId", "digest", "owner")
    SELECT ${value('runId')}, ${value('digest')}, "Session"."owner"
    FROM ${rows} JOIN "Session" ON "Session"."id" = ${value('sessionId')} WHERE true`,
);

/** Returns the rows that find a new run by its metadata. `run` is the fold with the events. */
export function runMetadataRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  if (events[0]?.seq !== 1) return [];
  const { runId, origin, metadata } = run;
  return metadataDigests(metadata).map((digest) => insertDigest({ runId, sessionId: origin.sessionId, digest }));
}
