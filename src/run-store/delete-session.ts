import { nextTurn } from '../clock.ts';
import type { Client } from '../database/database.ts';

/** Rows that one statement deletes at most. On SQLite it holds the event loop for some milliseconds. */
export const PURGED_ROWS = 500;
/** The same for stored texts, of which each can have megabytes. */
const PURGED_TEXTS = 20;
/** Ids whose rows are deleted together. Their number is also that of the parameters of a statement. */
export const PURGED_RUNS = 50;

/** The client of a transaction that is in progress. */
export type Transaction = Omit<Client, '$connect' | '$disconnect' | '$extends' | '$on' | '$transaction'>;

/**
 * Deletes every row of a session. Returns its owner, and the ids of its runs. A statement holds the event loop on SQLite, so each one
 * deletes a limited number of rows, and other work runs in between.
 */
export async function deleteSession(
  transaction: Transaction,
  sessionId: string,
): Promise<{ owner: string; runIds: string[] }> {
  const ofSession = { where: { sessionId } };
  const runs = await transaction.run.findMany({ ...ofSession, select: { id: true } });
  const tapes = await transaction.tape.findMany({ ...ofSession, select: { runId: true } });
  const memories = await transaction.memory.findMany({ ...ofSession, select: { id: true } });
  const runIds = runs.map(({ id }) => id);
  const tapeIds = tapes.map(({ runId }) => runId);
  // Of the title, the runs and the memories. They have no index by session.
  for (const ids of partsOf([sessionId, ...tapeIds, ...memories.map(({ id }) => id)])) {
    const ofSources = { where: { sourceId: { in: ids } } };
    await repeat(PURGED_ROWS, (limit) => transaction.passage.deleteMany({ ...ofSources, limit }));
  }
  // A trigger refuses to delete events unless their session is in this table.
  await transaction.purge.create({ data: { sessionId } });
  for (const ids of partsOf(tapeIds)) {
    const ofRuns = { where: { runId: { in: ids } } };
    await repeat(PURGED_ROWS, (limit) => transaction.event.deleteMany({ ...ofRuns, limit }));
    await repeat(PURGED_TEXTS, (limit) => transaction.storedText.deleteMany({ ...ofRuns, limit }));
    // The database deletes the lease and the encrypted inputs of a run with its tape.
    await transaction.tape.deleteMany(ofRuns);
  }
  await repeat(PURGED_ROWS, (limit) => transaction.idempotencyKey.deleteMany({ ...ofSession, limit }));
  await repeat(PURGED_ROWS, (limit) => transaction.wait.deleteMany({ ...ofSession, limit }));
  // With a run go its metadata and the uses of attachments, with the session its grants, memories and compactions.
  for (const ids of partsOf(runIds)) {
    await transaction.run.deleteMany({ where: { id: { in: ids } } });
    await nextTurn();
  }
  const { owner } = await transaction.session.delete({ where: { id: sessionId } });
  await transaction.purge.delete({ where: { sessionId } });
  return { owner, runIds };
}

/** Deletes until nothing is left, at most `limit` rows at a time. */
async function repeat(limit: number, deleteRows: (limit: number) => Promise<{ count: number }>): Promise<void> {
  let deleted: { count: number };
  do {
    deleted = await deleteRows(limit);
    await nextTurn();
  } while (deleted.count === limit);
}

function partsOf(ids: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let start = 0; start < ids.length; start += PURGED_RUNS) {
    parts.push(ids.slice(start, start + PURGED_RUNS));
  }
  return parts;
}
