import { kindOfId } from '../ids.ts';

/** A position on a tape: behind the event with this seq; 0 is the beginning. */
export interface TapePosition {
  runId: string;
  seq: number;
}

/** A cursor that can not be used. The message names it and says what is wrong. */
export class CursorError extends Error {
  constructor(cursor: string, problem: string) {
    super(`The cursor "${cursor.slice(0, 100)}" ${problem}.`);
    this.name = 'CursorError';
  }
}

const RUN_ID_CHARACTERS = 30;
const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** Pages and batches are of one run, and a page of a hundred events has up to two hundred cursors. */
let lastRun = { id: '', text: '' };

/** Most tapes are no longer. */
const KNOWN_ENDS = 4096;
const ends = Array.from({ length: KNOWN_ENDS }, (): string | null => null);

/** Opaque to clients; the same position always gives the same text. */
export function formatCursor({ runId, seq }: TapePosition): string {
  // As base64 the ids of runs end where a group of three does: what follows is a text of its own.
  if (runId.length !== RUN_ID_CHARACTERS) return base64url(`${runId}/${seq}`);
  if (runId !== lastRun.id) lastRun = { id: runId, text: base64url(runId) };
  return lastRun.text + endOf(seq);
}

function endOf(seq: number): string {
  const known = ends[seq];
  if (known) return known;
  const end = base64url(`/${seq}`);
  if (seq < KNOWN_ENDS) ends[seq] = end;
  return end;
}

/** Throws a CursorError where the text is not a cursor of ours. */
export function parseCursor(cursor: string): TapePosition {
  const match = /^(run_[0-9A-Z]{26})\/(\d{1,10})$/.exec(Buffer.from(cursor, 'base64url').toString());
  const [, runId = '', digits = ''] = match ?? [];
  const position = { runId, seq: Number(digits) };
  if (match === null || kindOfId(runId) !== 'run' || formatCursor(position) !== cursor) {
    throw new CursorError(cursor, 'is malformed');
  }
  return position;
}

/** The seq that a cursor stands for on one tape. Throws a CursorError where it belongs elsewhere or lies ahead. */
export function seqOnTape(cursor: string, tape: { runId: string; head: number }): number {
  const { runId, seq } = parseCursor(cursor);
  if (runId !== tape.runId) throw new CursorError(cursor, `is of run ${runId}, not of ${tape.runId}`);
  if (seq > tape.head) throw new CursorError(cursor, `lies behind the newest event, which is ${tape.head}`);
  return seq;
}
