import type { TapeEvent } from '@runtape/client';
import type { Growing } from './growing.ts';

/** A line of the table: one event, or several of a kind that are folded. */
export interface TapeRow {
  from: number;
  to: number;
  type: TapeEvent['type'];
  first: TapeEvent;
  /** The text of the folded deltas. */
  text: string;
  /** Time until the next row. */
  milliseconds: number;
  /** Whether the events have not arrived yet. */
  isMissing: boolean;
}

export const groups = {
  messages: ['INPUT', 'OUTPUT', 'OUTPUT_DELTA', 'THOUGHT'],
  tools: ['TOOL_CALL', 'TOOL_START', 'TOOL_PROGRESS', 'TOOL_RESULT'],
  decisions: ['TOOL_DECISION', 'APPROVAL_REQUEST', 'APPROVAL_DECISION', 'WAIT_REQUEST', 'WAIT_SETTLED'],
  context: ['CONTEXT', 'COMPACTION', 'RESUMPTION', 'STATUS'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const folded = new Set<string>(['OUTPUT_DELTA', 'THOUGHT', 'TOOL_PROGRESS']);
const SHOWN_CHARACTERS = 200;

/** Only deltas are many enough to be left out of an outline. */
const MISSING = 'OUTPUT_DELTA';
const missing = { type: MISSING, text: '', milliseconds: 0, isMissing: true } as const;

/**
 * The rows of a tape. Deltas and progress that follow one another are one row.
 * @param types only these types; null for all
 */
export function createRows(types: ReadonlySet<string> | null): Growing<readonly TapeRow[]> {
  const rows: TapeRow[] = [];
  let last: TapeRow | undefined;
  let previous: TapeEvent | undefined;
  /** The row before ends where the next one begins. */
  function end(next: TapeEvent): void {
    if (last) last.milliseconds = Math.max(0, Date.parse(next.recordedAt) - Date.parse(last.first.recordedAt));
  }
  function begin(row: TapeRow): void {
    end(row.first);
    rows.push(row);
    last = row;
  }
  return {
    add(event) {
      const { seq, type } = event;
      if (previous && seq > previous.seq + 1 && (types === null || types.has(MISSING))) {
        begin({ ...missing, from: previous.seq + 1, to: seq - 1, first: previous });
      }
      previous = event;
      if (types !== null && !types.has(type)) return;
      const text = type === 'OUTPUT_DELTA' || type === 'THOUGHT' ? event.text : '';
      if (last && !last.isMissing && last.type === type && last.to === seq - 1 && folded.has(type)) {
        last.to = seq;
        if (last.text.length < SHOWN_CHARACTERS) last.text += text;
      } else {
        begin({ from: seq, to: seq, type, first: event, text, milliseconds: 0, isMissing: false });
      }
    },
    value() {
      if (previous) end(previous);
      return [...rows];
    },
  };
}

/** Index of the row that holds an event, or of the last one before it. */
export function rowIndexOf(rows: readonly TapeRow[], seq: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((rows[middle]?.from ?? 0) <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
}
