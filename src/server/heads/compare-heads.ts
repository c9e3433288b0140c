import type { Database } from '../../database/database.ts';
import { isSignedBy, purgeStatement } from '../../journal/signer.ts';
import type { Head, HeadsSummary } from './heads-file.ts';

const HEADS_PER_PAGE = 200;

export interface HeadsComparison {
  /** Runs whose sessions were purged since. */
  purged: number;
  faults: number;
}

/**
 * Compares the tapes with heads of an earlier time: each tape must still have the event with that hash. Since the chain of the tape is
 * verified as well, everything up to the event is what it was. Reads pages. Reports each fault in a line.
 */
export async function compareHeads(
  { reader }: Database,
  heads: AsyncIterable<Head>,
  { createdAt, publicKey }: HeadsSummary,
  report: (line: string) => void,
): Promise<HeadsComparison> {
  const totals = { purged: 0, faults: 0 };
  const fault = (line: string) => {
    totals.faults += 1;
    report(line);
  };

  async function compare(page: readonly Head[]): Promise<void> {
    const runIds = page.map(({ runId }) => runId);
    const tapes = await reader.tape.findMany({ where: { runId: { in: runIds } }, select: { runId: true } });
    const present = new Set(tapes.map(({ runId }) => runId));
    const events = await reader.event.findMany({
      where: { OR: page.map(({ runId, seq }) => ({ runId, seq })) },
      select: { runId: true, hash: true },
    });
    const hashes = new Map(events.map(({ runId, hash }) => [runId, hash]));
    const missing = page.filter(({ runId }) => !present.has(runId));
    const purges = await purgesOf([...new Set(missing.map(({ sessionId }) => sessionId))]);
    for (const { runId, sessionId, seq, hash } of page) {
      if (!present.has(runId)) {
        const purge = purges.get(sessionId);
        if (purge === 'valid') totals.purged += 1;
        else fault(`${runId}: is missing, and had ${seq} events on ${createdAt}${purge ? `. ${purge}` : ''}`);
      } else if (!hashes.has(runId)) fault(`${runId}: event ${seq} is missing, and was on the tape on ${createdAt}`);
      else if (hashes.get(runId) !== hash) {
        fault(
          `${runId}: event ${seq} has another hash than on ${createdAt}: the tape was changed and its hashes recomputed`,
        );
      }
    }
  }

  /** Whether sessions were purged, or why the record of it does not count. */
  async function purgesOf(sessionIds: string[]): Promise<Map<string, string>> {
    const rows = await reader.purgedSession.findMany({ where: { sessionId: { in: sessionIds } } });
    return new Map(
      rows.map(({ sessionId, purgedAt, signature }) => {
        const isValid =
          publicKey === null ||
          (signature !== null && isSignedBy(publicKey, purgeStatement(sessionId, purgedAt.getTime()), signature));
        const problem = `The record that its session ${sessionId} was purged is not signed with the key of the heads`;
        return [sessionId, isValid ? 'valid' : problem];
      }),
    );
  }

  let page: Head[] = [];
  for await (const head of heads) {
    page.push(head);
    if (page.length < HEADS_PER_PAGE) continue;
    await compare(page);
    page = [];
  }
  if (page.length > 0) await compare(page);
  return totals;
}
