import { startBackgroundWork } from '../background-work.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/database.ts';
import type { RecordedEvent } from '../domain/events.ts';
import type { OutageLog } from '../logger.ts';
import { indexedText, textOf } from '../projections/conversation-index.ts';
import { deleteUnindexedText, type QueuedText, unindexedTexts } from '../repositories/unindexed-texts.ts';

/** Adds messages and answers to the search index after they were recorded, many in one transaction. */
export interface SearchIndexer {
  /** Reports events that this server has recorded. Returns at once. */
  recorded(runId: string, events: readonly RecordedEvent[]): void;
  /** Resolves when no transaction is in progress. Texts that are left over are indexed by the next start. */
  close(): Promise<void>;
}

interface SearchIndexerOptions {
  database: Database;
  clock: Clock;
  outageLog: OutageLog;
}

/** How far search lags behind the tapes. */
const DELAY_MILLISECONDS = 100;
/** Between two looks for the texts of servers that have crashed. */
const POLL_SECONDS = 30;
const RETRY_SECONDS = 1;
const TEXTS_AT_A_TIME = 64;
/** Texts of one transaction. A longer one would delay the commits of runs. */
const TRANSACTION_CHARACTERS = 128 * 1024;
/** Runs that are remembered. The texts of further ones are found by the next look. */
const REMEMBERED_RUNS = 10_000;

export function startSearchIndexer({ database, clock, outageLog }: SearchIndexerOptions): SearchIndexer {
  const runIds = new Set<string>();

  /** Each server indexes the texts that it has recorded, and now and then all that are left. */
  async function indexNext(): Promise<boolean> {
    const recorded = [...runIds].slice(0, TEXTS_AT_A_TIME);
    const texts = await unindexedTexts(database, {
      runIds: recorded.length > 0 ? recorded : null,
      limit: TEXTS_AT_A_TIME,
    });
    for (const part of partsOf(texts)) await database.commit(part.flatMap(rowsOf));
    const isComplete = texts.length < TEXTS_AT_A_TIME;
    if (isComplete) for (const runId of recorded) runIds.delete(runId);
    return runIds.size > 0 || !isComplete;
  }

  const work = startBackgroundWork({
    clock,
    work: indexNext,
    pollSeconds: POLL_SECONDS,
    retrySeconds: RETRY_SECONDS,
    delayMilliseconds: DELAY_MILLISECONDS,
    outageLog,
  });
  return {
    recorded(runId, events) {
      if (runIds.size >= REMEMBERED_RUNS || !events.some(hasText)) return;
      runIds.add(runId);
      work.notify();
    },
    close: work.close,
  };
}

const hasText = (event: RecordedEvent) => textOf(event) !== null;

const rowsOf = ({ runId, seq, sessionId, payload }: QueuedText) => [
  deleteUnindexedText({ runId, seq }),
  ...indexedText({ runId, seq, sessionId, text: JSON.parse(payload).text }),
];

function partsOf(texts: readonly QueuedText[]): QueuedText[][] {
  const parts: QueuedText[][] = [];
  let characters = Number.POSITIVE_INFINITY;
  for (const text of texts) {
    characters += text.payload.length;
    if (characters > TRANSACTION_CHARACTERS) {
      parts.push([]);
      characters = text.payload.length;
    }
    parts.at(-1)?.push(text);
  }
  return parts;
}
