import type { RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import { GENESIS_HASH, hashOf, type StoredEvent } from './codec.ts';
import type { TapeHead, Verification } from './journal.ts';

const PAGE_EVENTS = 1000;

interface StoredTape {
  readStored(runId: string, after: number, limit: number): Promise<StoredEvent[]>;
  head(runId: string): Promise<TapeHead | null>;
}

type Decode = (stored: StoredEvent) => RecordedEvent;

/** Where the check has come to. */
interface Checked {
  seq: number;
  hash: string;
  /** Whether the event there ends its run. */
  ended: boolean;
}

/** Recomputes a tape's chain of hashes from what is stored, and names the first event that does not fit. */
export async function verifyTape(runId: string, tape: StoredTape, decode: Decode): Promise<Verification> {
  const broken = (seq: number, fault: string): Verification => ({ kind: 'broken', runId, seq, fault });
  let checked: Checked = { seq: 0, hash: GENESIS_HASH, ended: false };
  let pageEvents = PAGE_EVENTS;
  for (;;) {
    const page = await readPage(tape, runId, checked.seq, pageEvents);
    if (typeof page === 'string') {
      // One event fails its whole page; read one by one, it is found.
      if (pageEvents === 1) return broken(checked.seq + 1, page);
      pageEvents = 1;
      continue;
    }
    for (const event of page) {
      const next = checkEvent(checked, event, decode);
      if (typeof next === 'string') return broken(checked.seq + 1, next);
      checked = next;
    }
    if (page.length === pageEvents) continue;
    const end = await checkEnd(checked, tape, runId);
    if (end === 'grown') continue;
    return end === null ? { kind: 'intact', runId, events: checked.seq } : broken(end.seq, end.fault);
  }
}

async function readPage(
  tape: StoredTape,
  runId: string,
  after: number,
  limit: number,
): Promise<StoredEvent[] | string> {
  try {
    return await tape.readStored(runId, after, limit);
  } catch (error) {
    return `can not be read: ${messageOf(error)}`;
  }
}

/** Where the check stands behind this event, or what is wrong with it. */
function checkEvent({ seq, hash, ended }: Checked, event: StoredEvent, decode: Decode): Checked | string {
  if (event.seq !== seq + 1) return `is missing: the next one is ${event.seq}`;
  if (ended) return 'stands behind the end of its run';
  if (event.hash !== hashOf(hash, event)) return 'does not match its hash';
  try {
    const { type, payload } = decode(event);
    return { seq: event.seq, hash: event.hash, ended: type === 'status' && isTerminal(payload.to) };
  } catch (error) {
    return messageOf(error);
  }
}

/** What is wrong with the end of a tape whose events fit; `'grown'` where there are more by now. */
async function checkEnd(
  { seq, ended }: Checked,
  tape: StoredTape,
  runId: string,
): Promise<{ seq: number; fault: string } | 'grown' | null> {
  let head: TapeHead | null;
  try {
    head = await tape.head(runId);
    if (head && head.head > seq) return 'grown';
    // An event whose seq has become 0 or less stands before all others, and can not be read.
    await tape.readStored(runId, Number.MIN_SAFE_INTEGER, 1);
  } catch (error) {
    return { seq: seq + 1, fault: `can not be read: ${messageOf(error)}` };
  }
  if (head === null) return seq === 0 ? null : { seq, fault: 'is on no tape: its run is unknown' };
  if (seq === 0 || head.head !== seq) return { seq: seq + 1, fault: `is missing: the head is ${head.head}` };
  if (head.closed === ended) return null;
  return { seq, fault: `is the last one, and the tape is ${head.closed ? 'closed' : 'open'}` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
