import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { Database } from '../../database/database.ts';
import { packVector } from '../../domain/search/vectors.ts';
import type { Embedder } from '../../models/embedder.ts';
import { ModelError } from '../../models/model.ts';
import { saveEmbeddings, type UnembeddedMemory, unembeddedMemories } from '../../repositories/embeddings.ts';
import { estimateTokens } from '../token-estimate.ts';
import type { EmbeddingCharges } from './embedding-charges.ts';

/** Logs the beginning and the end of an outage, however often it is told of failures in between. */
export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
}

export interface EmbeddingWorkerDependencies {
  database: Database;
  embedder: Embedder;
  charges: EmbeddingCharges;
  clock: Clock;
  outageLog: OutageLog;
}

/** Embeds memories in the background. */
export interface EmbeddingWorker {
  /** Makes the worker look for new memories now instead of at its next poll. */
  notify(): void;
  /** Aborts the call in progress and resolves when the worker has stopped. */
  close(): Promise<void>;
}

/**
 * Looks for memories without a vector of the current model, which includes those with a vector of another model, and
 * embeds them in batches. Memories that are left over when the server stops or the embedding server fails are found again.
 */
export function startEmbeddingWorker(dependencies: EmbeddingWorkerDependencies): EmbeddingWorker {
  const { clock, outageLog } = dependencies;
  const stopping = new AbortController();
  let isNotified = true;
  let endWait = () => {};

  async function run(): Promise<void> {
    let retrySeconds = limits.EMBEDDING_RETRY_SECONDS;
    while (!stopping.signal.aborted) {
      isNotified = false;
      try {
        await embedAll(dependencies, stopping.signal);
        retrySeconds = limits.EMBEDDING_RETRY_SECONDS;
        if (!isNotified && !stopping.signal.aborted) await waitForNotification(limits.EMBEDDING_POLL_SECONDS);
      } catch (error) {
        if (stopping.signal.aborted) return;
        outageLog.failed(error);
        // A notification must not shorten the delay after a failure.
        await clock.sleep(retrySeconds * 1000, stopping.signal).catch(() => undefined);
        retrySeconds = Math.min(retrySeconds * 2, limits.EMBEDDING_POLL_SECONDS);
      }
    }
  }

  function waitForNotification(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = clock.after(seconds * 1000, resolve);
      endWait = () => {
        cancelTimer();
        resolve();
      };
    });
  }

  const running = run();
  return {
    notify() {
      isNotified = true;
      endWait();
    },
    async close() {
      stopping.abort();
      endWait();
      await running;
    },
  };
}

/** Passes over all memories without a vector once. Those that do not fit into a budget are left for the next time. */
async function embedAll(dependencies: EmbeddingWorkerDependencies, signal: AbortSignal): Promise<void> {
  for (let before: string | null = null; ; dependencies.outageLog.worked()) {
    before = await embedBatch(dependencies, before, signal);
    if (before === null) return;
  }
}

/** Returns the last memory of the batch; null if there was none. */
async function embedBatch(
  { database, embedder, charges }: EmbeddingWorkerDependencies,
  before: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  const { model } = embedder;
  const memories = await unembeddedMemories(database, model, limits.EMBEDDING_BATCH_MEMORIES, before);
  const last = memories.at(-1);
  if (!last) return null;
  const texts = memories.map((memory) => ({ ...memory, memory, text: textOf(memory) }));
  const { fitting, settle } = await charges.charge(texts);
  if (fitting.length > 0) {
    let used = 0;
    try {
      const { vectors, tokens } = await embed(embedder, fitting, signal);
      used = tokens;
      await saveEmbeddings(
        database,
        model,
        fitting.map(({ memory }) => memory),
        vectors,
      );
    } finally {
      await settle(used);
    }
  }
  return last.id;
}

/**
 * If the model refuses a batch, embeds its texts one by one. A text that it refuses gets an empty vector. `tokens` are estimated if
 * the provider does not count them.
 */
async function embed(
  embedder: Embedder,
  texts: readonly { text: string }[],
  signal: AbortSignal,
): Promise<{ vectors: Int8Array[]; tokens: number }> {
  const options = { signal, timeoutSeconds: limits.EMBEDDING_BATCH_SECONDS };
  try {
    const embedded = await embedder.embed(
      texts.map(({ text }) => text),
      options,
    );
    const estimated = texts.reduce((sum, { text }) => sum + estimateTokens(text), 0);
    return { vectors: embedded.vectors.map(packVector), tokens: embedded.tokens ?? estimated };
  } catch (error) {
    if (!isRefusedText(error)) throw error;
    if (texts.length === 1) return { vectors: [new Int8Array()], tokens: 0 };
    const parts: { vectors: Int8Array[]; tokens: number }[] = [];
    for (const text of texts) parts.push(await embed(embedder, [text], signal));
    return {
      vectors: parts.flatMap(({ vectors }) => vectors),
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
    };
  }
}

/** Other failures, such as a rejected key or a wrong address, have nothing to do with the text. */
function isRefusedText(error: unknown): boolean {
  return error instanceof ModelError && (error.code === 'CONTEXT_OVERFLOW' || error.code === 'MODEL_REFUSED');
}

function textOf({ text, tags }: Pick<UnembeddedMemory, 'text' | 'tags'>): string {
  return [text, ...tags].join('\n');
}
