import type { Database } from '../database/database.ts';
import type { EventType, RecordedEvent, StoredTextRef } from '../domain/events.ts';
import { pageOf, type RowPage } from '../domain/page.ts';
import type { Journal, TapePart } from '../journal/journal.ts';
import { type ConversationPage, type MessagePosition, messagePositions, type TapeBound } from './message-positions.ts';

/** One message of a conversation, as a chat shows it. */
export interface ConversationMessage {
  /** Stays the same while an answer grows and when it is complete. */
  id: string;
  runId: string;
  /** Of its event; of an unfinished answer, of the newest event of its run. */
  seq: number;
  role: 'user' | 'assistant';
  /** Null for a message of the user. */
  step: number | null;
  /** False while the model generates it. */
  isComplete: boolean;
  /** The text, or its beginning if `storedText` names the whole of it. */
  text: string;
  storedText: StoredTextRef | null;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Seq of the next answer of the run; null if there is none or it is not known. */
  nextOutput: number | null;
}

/**
 * Pages of conversations, oldest message first, that have the same size and end. Reads with three statements at most, however
 * long the conversations are.
 */
export async function readConversations(
  database: Database,
  journal: Pick<Journal, 'readMany'>,
  pages: readonly ConversationPage[],
): Promise<RowPage<ConversationMessage>[]> {
  const [first] = pages;
  if (!first) return [];
  const found = await messagePositions(database, first, pages);
  const shown = pages.map((page, index) => pageOf(found[index] ?? [], page));
  const positions = shown.flatMap(({ rows }) => rows);
  const unfinished = positions.filter((position) => position.kind === 'unfinished');
  const [events, deltas] = await Promise.all([
    readTapes(journal, tapePartsOf(positions), ['input', 'output']),
    readTapes(
      journal,
      unfinished.map(({ runId, start, seq }) => ({ runId, after: start, upTo: seq })),
      ['output_delta'],
    ),
  ]);
  const messages = new Map([...events.values()].flat().map((event) => [keyOf(event), event]));
  return shown.map(({ rows, ...page }) => ({
    ...page,
    rows: rows.flatMap((position, index) => {
      if (position.kind === 'unfinished') return unfinishedAnswer(position, deltas.get(position.runId) ?? []);
      // Missing if its session was purged meanwhile.
      const event = messages.get(keyOf(position));
      return event ? messageOf(event, nextOutput(rows, index)) : [];
    }),
  }));
}

const keyOf = ({ runId, seq }: TapeBound) => `${runId}:${seq}`;

async function readTapes(journal: Pick<Journal, 'readMany'>, parts: readonly TapePart[], types: readonly EventType[]) {
  return parts.length === 0 ? new Map<string, RecordedEvent[]>() : journal.readMany(parts, types);
}

/** The part of each tape from its first to its last message among these. */
function tapePartsOf(positions: readonly MessagePosition[]): TapePart[] {
  const parts = new Map<string, Required<TapePart>>();
  for (const { kind, runId, seq } of positions) {
    if (kind === 'unfinished') continue;
    const { after, upTo } = parts.get(runId) ?? { after: seq - 1, upTo: seq };
    parts.set(runId, { runId, after: Math.min(after, seq - 1), upTo: Math.max(upTo, seq) });
  }
  return [...parts.values()];
}

function nextOutput(rows: readonly MessagePosition[], index: number): number | null {
  const runId = rows[index]?.runId;
  const next = rows.slice(index + 1).find((row) => row.runId !== runId || row.kind === 'output');
  return next?.runId === runId ? (next?.seq ?? null) : null;
}

function messageOf(event: RecordedEvent, nextOutputSeq: number | null): ConversationMessage[] {
  const { runId, seq, type, payload, recordedAt: createdAt } = event;
  const position = { runId, seq, createdAt, isComplete: true, nextOutput: nextOutputSeq };
  if (type === 'input') {
    return [{ ...position, id: keyOf(event), role: 'user', step: null, text: payload.text, storedText: null }];
  }
  if (type !== 'output') return [];
  const { step, text, storedText } = payload;
  return [{ ...position, id: answerId(runId, step), role: 'assistant', step, text, storedText }];
}

function unfinishedAnswer(
  { runId, seq, isRunOpen }: Extract<MessagePosition, { kind: 'unfinished' }>,
  events: readonly RecordedEvent[],
): ConversationMessage[] {
  const deltas = events.flatMap(({ type, payload, recordedAt }) =>
    type === 'output_delta' ? [{ ...payload, recordedAt }] : [],
  );
  const [first] = deltas;
  if (!first) return [];
  return [
    {
      id: answerId(runId, first.step),
      runId,
      seq,
      role: 'assistant',
      step: first.step,
      isComplete: !isRunOpen,
      text: deltas.map(({ text }) => text).join(''),
      storedText: null,
      createdAt: first.recordedAt,
      nextOutput: null,
    },
  ];
}

const answerId = (runId: string, step: number) => `${runId}:step-${step}`;
