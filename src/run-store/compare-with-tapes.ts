import { databaseTime } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { ownerToken } from '../database/search-index.ts';
import type { Journal } from '../journal/journal.ts';
import { type FoldedTape, foldTape } from './fold-tape.ts';

/** A row that is not what the tapes say. Completes "Row …". */
export interface RowDifference {
  /** The table and the key of the row. */
  row: string;
  fault: string;
}

type Row = Readonly<Record<string, unknown>>;

/** A run that is executed meanwhile is compared again, this often. */
const ATTEMPTS = 5;
const SHOWN_CHARACTERS = 60;

export interface RowComparison {
  /**
   * Compares the rows that are folded from one tape: the run, its metadata, its waits, its attachments, and its part of the search
   * index.
   */
  compareRun(runId: string): Promise<RowDifference[]>;
  /** Compares what a session caches of its runs. Call it once, after all of them were compared. */
  compareSession(sessionId: string): Promise<RowDifference[]>;
}

/** Compares rows with tapes, also while servers write both: only differences that last are reported. */
export function createRowComparison({ reader }: Database, journal: Journal): RowComparison {
  /** When each session was last active, by the tapes that were compared. Epoch milliseconds. */
  const activity = new Map<string, number>();

  async function differencesOf(tape: FoldedTape): Promise<RowDifference[]> {
    const { runId, origin } = tape.run;
    const session = await reader.session.findUnique({ where: { id: origin.sessionId }, select: { owner: true } });
    const owner = session?.owner ?? null;
    const run = await reader.run.findUnique({ where: { id: runId } });
    const metadata = await reader.runMetadata.findMany({ where: { runId } });
    const waits = await reader.wait.findMany({ where: { runId } });
    const uses = await reader.attachmentUse.findMany({ where: { runId } });
    const passages = await reader.passage.findMany({ where: { sourceId: runId } });
    return [
      ...compareRows('Run', [tape.runRow], run ? [run] : [], ({ id }) => String(id)),
      ...compareRows(
        'RunMetadata',
        tape.metadataRows.map(({ digest }) => ({ runId, digest, owner })),
        metadata,
        ({ digest }) => `${runId} ${digest}`,
      ),
      ...compareRows('Wait', tape.waitRows, waits, ({ id }) => String(id)),
      ...compareRows(
        'AttachmentUse',
        tape.attachmentUseRows,
        uses,
        ({ seq, position }) => `${runId} ${seq} ${position}`,
      ),
      ...compareRows(
        'Passage',
        tape.passageRows.map((row) => indexedText(row, owner)),
        passages,
        ({ sourceId, seq, part }) => `${sourceId} ${seq} ${part}`,
      ),
    ];
  }

  return {
    async compareRun(runId) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const tape = await foldTape(journal, runId);
        if (!tape) return [];
        const differences = await differencesOf(tape);
        const { sessionId } = tape.run.origin;
        activity.set(sessionId, Math.max(activity.get(sessionId) ?? 0, tape.activeAt ?? 0));
        if (differences.length === 0) return [];
        // The rows may be newer than the tape that was read.
        const head = await journal.head(runId);
        if (head === null || head.head === tape.run.head) return head === null ? [] : differences;
      }
      return [];
    },
    async compareSession(id) {
      const activeAt = activity.get(id) ?? 0;
      activity.delete(id);
      const session = await reader.session.findUnique({ where: { id } });
      if (!session) return [];
      const expected = Math.max(activeAt, session.createdAt.getTime());
      const stored = session.activeAt.getTime();
      // A later time may come from an event that was recorded since then.
      const isOpen = stored > expected && (await reader.run.count({ where: { sessionId: id, endedAt: null } })) > 0;
      if (stored === expected || isOpen || (stored > expected && (await hasNewer(id, stored)))) return [];
      return [{ row: `Session ${id}`, fault: described('activeAt', stored, expected) }];
    },
  };

  /** Whether an event of the session was recorded at this time. */
  async function hasNewer(sessionId: string, at: number): Promise<boolean> {
    const where = { tape: { sessionId }, recordedAt: BigInt(at) };
    return (await reader.event.findFirst({ where, select: { seq: true } })) !== null;
  }
}

function compareRows(
  table: string,
  expected: readonly Row[],
  stored: readonly object[],
  keyOf: (row: Row) => string,
): RowDifference[] {
  const found = new Map((stored as Row[]).map((row) => [keyOf(row), row]));
  const wanted = new Map(expected.map((row) => [keyOf(row), row]));
  const missing = [...wanted.keys()].filter((key) => !found.has(key));
  const surplus = [...found.keys()].filter((key) => !wanted.has(key));
  const changed = [...wanted].flatMap(([key, row]) => {
    const other = found.get(key);
    if (!other) return [];
    return Object.keys(row).flatMap((name) => {
      const [is, should] = [comparable(other[name]), comparable(row[name])];
      return is === should ? [] : [{ row: `${table} ${key}`, fault: described(name, is, should) }];
    });
  });
  return [
    ...missing.map((key) => ({ row: `${table} ${key}`, fault: 'is missing' })),
    ...surplus.map((key) => ({ row: `${table} ${key}`, fault: 'is not on the tape' })),
    ...changed,
  ];
}

/** Times as the statements write them; other values as they are. */
const comparable = (value: unknown) => (value instanceof Date ? databaseTime(value) : (value ?? null));

function described(name: string, stored: unknown, expected: unknown): string {
  return `has ${name} ${shown(stored)}, the tape says ${shown(expected)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** In the index a word that names the owner comes first. */
function indexedText({ sourceId, seq, part, start, words, holderId }: Row, owner: string | null): Row {
  const token = owner === null ? '' : ownerToken('conversation', owner);
  return { sourceId, seq, part, start, sessionId: holderId, words: `${token} ${words}` };
}
