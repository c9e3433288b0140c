import type { RowWrite } from '../database/batch-statement.ts';
import { insertPassages } from '../database/search-index.ts';
import type { SequencedEvent } from '../domain/events.ts';
import { passagesOf } from '../domain/search/passages.ts';

const insertConversationPassage = insertPassages({
  order: 80,
  kind: 'conversation',
  holder: 'Session',
  sessionId: 'holder."id"',
});

/** The text of a message or an answer; null for any other event. */
export function textOf({ type, payload }: SequencedEvent): string | null {
  return type === 'input' || type === 'output' ? payload.text : null;
}

/** Returns the rows that make the text of an event searchable. */
export function indexedText(event: { runId: string; seq: number; sessionId: string; text: string }): RowWrite[] {
  const source = { sourceId: event.runId, seq: event.seq, holderId: event.sessionId };
  return passagesOf(event.text).map((passage) => insertConversationPassage({ ...source, ...passage }));
}
