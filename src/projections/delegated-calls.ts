import type { Client } from '../database/database.ts';
import type { AskedQuestion, DelegatedKind, EventOf, Json, RecordedEvent } from '../domain/events.ts';
import type { Journal } from '../journal/journal.ts';
import { type WaitRow, waitsByIds } from './waits.ts';

/** The row of a call whose result somebody else gives. */
export type DelegatedCallRow = WaitRow & { kind: DelegatedKind; callId: string; tool: string; callSeq: number };

const isDelegated = (row: WaitRow): row is DelegatedCallRow => row.callId !== null && row.kind !== 'APPROVAL';

/** Calls of this owner's runs. */
export async function delegatedCallsByIds(
  reader: Client,
  kind: DelegatedKind,
  owner: string,
  ids: readonly string[],
): Promise<DelegatedCallRow[]> {
  const rows = await waitsByIds(reader, { owner, kindsOfEverybody: [] }, ids);
  return rows.filter(isDelegated).filter((row) => row.kind === kind);
}

/** A delegated call, as the tape has it. */
export interface DelegatedCallContent {
  summary: string;
  /** The model's input, or the one that an approver replaced it with. */
  input: Json;
  /** Null unless a person is asked. */
  question: AskedQuestion | null;
  /** Of a question; null until it is answered. */
  answer: Json;
  /** Null until it is settled, and if nobody gave a result. */
  result: EventOf<'tool_result'>['payload'] | null;
}

type Located = Pick<DelegatedCallRow, 'id' | 'runId' | 'callId' | 'callSeq'>;

/** Reads the contents of calls from their tapes, in one query, by the id of the wait. */
export async function delegatedCallContents(
  journal: Pick<Journal, 'readMany'>,
  calls: readonly Located[],
): Promise<Map<string, DelegatedCallContent>> {
  const parts = new Map<string, { runId: string; after: number; upTo: number }>();
  for (const { runId, callSeq } of calls) {
    const after = Math.min(parts.get(runId)?.after ?? callSeq - 1, callSeq - 1);
    parts.set(runId, { runId, after, upTo: Number.MAX_SAFE_INTEGER });
  }
  const tapes = await journal.readMany(
    [...parts.values()],
    ['tool_call', 'approval_decision', 'wait_request', 'wait_settled', 'tool_result'],
  );
  return new Map(calls.map((call) => [call.id, contentOf(call, tapes.get(call.runId) ?? [])]));
}

function contentOf({ id, callId }: Located, events: readonly RecordedEvent[]): DelegatedCallContent {
  const content: DelegatedCallContent = { summary: '', input: null, question: null, answer: null, result: null };
  let isAnswered = false;
  for (const { type, payload } of events) {
    if (!('callId' in payload) || payload.callId !== callId) continue;
    if (type === 'tool_call') content.input = payload.input;
    if (type === 'approval_decision') content.input = payload.editedInput ?? content.input;
    if (type === 'wait_request' && payload.waitId === id) {
      content.summary = payload.summary;
      content.question = payload.question;
    }
    if (type === 'wait_settled' && payload.waitId === id) {
      isAnswered = payload.outcome !== 'EXPIRED';
      content.answer = payload.answer;
    }
    if (type === 'tool_result' && isAnswered) content.result = payload;
  }
  return content;
}
