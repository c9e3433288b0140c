import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { Database } from '../../database/database.ts';
import { packVector } from '../../domain/search/vectors.ts';
import type { Embedder } from '../../models/embedder.ts';
import { ModelError } from '../../models/model.ts';
import { saveEmbeddings, type UnembeddedMemory, unembeddedMemories } from '../../repositories/embeddings.ts';

/** Logs the beginning and the end of an outage, however often it is told of failures in between. */
export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
}

export interface EmbeddingWorkerDependencies {
  database: Database;
  embedder: Embedder;
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
        while (await embedBatch(dependencies, stopping.signal)) outageLog.worked();
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

/** Returns whether there was anything to embed. */
async function embedBatch({ database, embedder }: EmbeddingWorkerDependencies, signal: AbortSignal): Promise<boolean> {
  const { model } = embedder;
  const memories = await unembeddedMemories(database, model, limits.EMBEDDING_BATCH_MEMORIES);
  if (memories.length === 0) return false;
  const vectors = await embed(embedder, memories, signal);
  await saveEmbeddings(database, model, memories, vectors);
  return true;
}

/** If the model refuses a batch, embeds its texts one by one. A text that it refuses gets an empty vector. */
async function embed(
  embedder: Embedder,
  memories: readonly UnembeddedMemory[],
  signal: AbortSignal,
): Promise<Int8Array[]> {
  const options = { signal, timeoutSeconds: limits.EMBEDDING_BATCH_SECONDS };
  try {
    return (await embedder.embed(memories.map(textOf), options)).map(packVector);
  } catch (error) {
    if (!isRefusedText(error)) throw error;
    if (memories.length === 1) return [new Int8Array()];
    const vectors: Int8Array[] = [];
    for (const memory of memories) vectors.push(...(await embed(embedder, [memory], signal)));
    return vectors;
  }
}

/** Other failures, such as a rejected key or a wrong address, have nothing to do with the text. */
function isRefusedText(error: unknown): boolean {
  return error instanceof ModelError && (error.code === 'CONTEXT_OVERFLOW' || error.code === 'MODEL_REFUSED');
}

function textOf({ text, tags }: UnembeddedMemory): string {
  return [text, ...tags].join('\n');
}
