import type { RowWrite } from '../database/batch-statement.ts';
import { insertPassages } from '../database/search-index.ts';
import type { SequencedEvent } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { passagesOf } from '../domain/search/passages.ts';

const insertConversationPassage = insertPassages({
  order: 80,
  kind: 'conversation',
  holder: 'Session',
  sessionId: 'holder."id"',
});

/** Returns the rows that make the messages and answers of these events searchable. */
export function conversationPassages(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  return events.flatMap(({ type, seq, payload }) => {
    if (type !== 'input' && type !== 'output') return [];
    const source = { sourceId: run.runId, seq, holderId: run.origin.sessionId };
    return passagesOf(payload.text).map((passage) => insertConversationPassage({ ...source, ...passage }));
  });
}
