import { kindOfId } from '../ids.ts';

/** A position on a tape: after the event with this seq; 0 is the beginning. */
export interface TapePosition {
  runId: string;
  seq: number;
}

/** A cursor that cannot be used. The message names it and says why. */
export class CursorError extends Error {
  constructor(cursor: string, problem: string) {
    super(`The cursor "${cursor.slice(0, 100)}" ${problem}.`);
    this.name = 'CursorError';
  }
}

/** Opaque to clients; the same position always has the same cursor. */
export function formatCursor({ runId, seq }: TapePosition): string {
  // Without its padding this is base64url: ids, digits and the slash contain no character that base64 writes with + or /.
  // A page has up to two hundred cursors, and `btoa` takes half as long as a Buffer.
  const base64 = btoa(`${runId}/${seq}`);
  const padding = base64.indexOf('=');
  return padding === -1 ? base64 : base64.slice(0, padding);
}

/** Throws a CursorError if `formatCursor` could not have returned this text. */
export function parseCursor(cursor: string): TapePosition {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, runId = '', digits = ''] = /^(run_[0-9A-Z]{26})\/(\d{1,10})$/.exec(text) ?? [];
  const position = { runId, seq: Number(digits) };
  if (kindOfId(runId) !== 'run' || formatCursor(position) !== cursor) throw new CursorError(cursor, 'is malformed');
  return position;
}

/** The seq of a cursor on one tape. Throws a CursorError if it belongs to another tape or lies beyond the head. */
export function seqOnTape(cursor: string, tape: { runId: string; head: number }): number {
  const { runId, seq } = parseCursor(cursor);
  if (runId !== tape.runId) throw new CursorError(cursor, `belongs to run ${runId}, not to ${tape.runId}`);
  if (seq > tape.head) throw new CursorError(cursor, `lies beyond the newest event, which has seq ${tape.head}`);
  return seq;
}
