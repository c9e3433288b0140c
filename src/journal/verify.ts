import type { RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import { GENESIS_HASH, hashOf, type StoredEvent } from './codec.ts';
import type { TapeHead, Verification } from './journal.ts';

const PAGE_EVENTS = 1000;

interface StoredTape {
  readStored(runId: string, after: number, limit: number): Promise<StoredEvent[]>;
  head(runId: string): Promise<TapeHead | null>;
}

/** Recomputes a tape's chain of hashes from what is stored, and names the first event that does not fit. */
export async function verifyTape(
  runId: string,
  tape: StoredTape,
  decode: (stored: StoredEvent) => RecordedEvent,
): Promise<Verification> {
  let previousHash = GENESIS_HASH;
  let seq = 0;
  let ended = false;
  const broken = (at: number, fault: string): Verification => ({ kind: 'broken', runId, seq: at, fault });
  for (;;) {
    let page: StoredEvent[];
    try {
      page = await tape.readStored(runId, seq, PAGE_EVENTS);
    } catch (error) {
      return broken(seq + 1, `can not be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (const event of page) {
      seq += 1;
      if (event.seq !== seq) return broken(seq, `is missing: the next one is ${event.seq}`);
      if (ended) return broken(seq, 'stands behind the end of its run');
      if (event.hash !== hashOf(previousHash, event)) return broken(seq, 'does not match its hash');
      const problem = unreadable(event, decode);
      if (problem !== null) return broken(seq, problem);
      previousHash = event.hash;
      ended = event.type === 'status' && isTerminalPayload(event.payload);
    }
    if (page.length < PAGE_EVENTS) break;
  }
  const head = await tape.head(runId);
  if (head && head.closed !== ended)
    return broken(seq, `is the last one, and the tape is ${head.closed ? 'closed' : 'open'}`);
  return { kind: 'intact', runId, events: seq };
}

function unreadable(event: StoredEvent, decode: (stored: StoredEvent) => RecordedEvent): string | null {
  try {
    decode(event);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isTerminalPayload(payload: string): boolean {
  return isTerminal(JSON.parse(payload).to);
}
