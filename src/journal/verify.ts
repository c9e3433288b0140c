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

/** The last event that was checked. */
interface Checked {
  seq: number;
  hash: string;
  /** Whether the event ends its run. */
  ended: boolean;
}

/** Recomputes the hash chain of a tape from the stored events and reports the first fault. Faults complete "event 5 …". */
export async function verifyTape(runId: string, tape: StoredTape, decode: Decode): Promise<Verification> {
  const broken = (seq: number, fault: string): Verification => ({ kind: 'broken', runId, seq, fault });
  let checked: Checked = { seq: 0, hash: GENESIS_HASH, ended: false };
  let pageEvents = PAGE_EVENTS;
  for (;;) {
    const page = await readPage(tape, runId, checked.seq, pageEvents);
    if (typeof page === 'string') {
      // A single event can make its whole page unreadable. Reading one event at a time finds it.
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
    const result = await checkHead(checked, tape, runId);
    if (result === 'grown') continue;
    return result === null
      ? { kind: 'intact', runId, events: checked.seq, hash: checked.hash }
      : broken(result.seq, result.fault);
  }
}

/** The events, or the fault that makes them unreadable. */
async function readPage(
  tape: StoredTape,
  runId: string,
  after: number,
  limit: number,
): Promise<StoredEvent[] | string> {
  try {
    return await tape.readStored(runId, after, limit);
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

/** The state after this event, or the event's fault. */
function checkEvent({ seq, hash, ended }: Checked, event: StoredEvent, decode: Decode): Checked | string {
  if (event.seq !== seq + 1) return `is missing: the next one is ${event.seq}`;
  if (ended) return 'follows the end of its run';
  if (event.hash !== hashOf(hash, event)) return 'does not match its hash';
  try {
    const { type, payload } = decode(event);
    return { seq: event.seq, hash: event.hash, ended: type === 'status' && isTerminal(payload.to) };
  } catch (error) {
    return messageOf(error);
  }
}

/** Compares the last event with the head: the fault, `'grown'` if events were appended meanwhile, or null if they agree. */
async function checkHead(
  { seq, ended }: Checked,
  tape: StoredTape,
  runId: string,
): Promise<{ seq: number; fault: string } | 'grown' | null> {
  let head: TapeHead | null;
  try {
    head = await tape.head(runId);
    if (head && head.head > seq) return 'grown';
    // An event with a seq of 0 or less comes before all pages. `readStored` refuses it.
    await tape.readStored(runId, Number.MIN_SAFE_INTEGER, 1);
  } catch (error) {
    return { seq: seq + 1, fault: `cannot be read: ${messageOf(error)}` };
  }
  if (head === null) return seq === 0 ? null : { seq, fault: 'belongs to a run without a tape' };
  if (seq === 0 || head.head !== seq) return { seq: seq + 1, fault: `is missing: the head is ${head.head}` };
  if (head.closed === ended) return null;
  return { seq, fault: `is the last one, but the tape is ${head.closed ? 'closed' : 'open'}` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
