import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { Database } from '../../database/database.ts';
import { packVector } from '../../domain/search/vectors.ts';
import type { Embedder } from '../../models/embedder.ts';
import { ModelError } from '../../models/model.ts';
import { saveEmbeddings, type UnembeddedMemory, unembeddedMemories } from '../../repositories/memory/embeddings.ts';

/** Is told of each failure and each success; says so in the log once. */
export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
}

export interface EmbeddingWorkerDependencies {
  database: Database;
  embedder: Embedder;
  clock: Clock;
  outage: OutageLog;
}

/** Gives memories their vectors, in the background. */
export interface EmbeddingWorker {
  /** There may be something new. */
  wake(): void;
  close(): Promise<void>;
}

/**
 * Looks for memories without a vector of the model in use, those of another model included, and places them batch by batch.
 * What is left when the server stops, or when the embedding server fails, is found again.
 */
export function startEmbeddingWorker(dependencies: EmbeddingWorkerDependencies): EmbeddingWorker {
  const { clock, outage } = dependencies;
  const stopping = new AbortController();
  let isWoken = true;
  let wake = () => {};

  async function work(): Promise<void> {
    let pauseSeconds = limits.EMBEDDING_RETRY_SECONDS;
    while (!stopping.signal.aborted) {
      isWoken = false;
      try {
        while (await placeBatch(dependencies, stopping.signal)) outage.worked();
        pauseSeconds = limits.EMBEDDING_RETRY_SECONDS;
        if (!isWoken) await idle(limits.EMBEDDING_LOOK_SECONDS);
      } catch (error) {
        if (stopping.signal.aborted) return;
        outage.failed(error);
        // Woken or not: a server that fails is left alone for a while.
        await clock.sleep(pauseSeconds * 1000, stopping.signal).catch(() => undefined);
        pauseSeconds = Math.min(pauseSeconds * 2, limits.EMBEDDING_LOOK_SECONDS);
      }
    }
  }

  function idle(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(seconds * 1000, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  const working = work();
  return {
    wake() {
      isWoken = true;
      wake();
    },
    async close() {
      stopping.abort();
      wake();
      await working;
    },
  };
}

/** Whether there was anything to do. */
async function placeBatch({ database, embedder }: EmbeddingWorkerDependencies, signal: AbortSignal): Promise<boolean> {
  const { model } = embedder;
  const memories = await unembeddedMemories(database, model, limits.EMBEDDING_BATCH);
  if (memories.length === 0) return false;
  const vectors = await vectorsOf(embedder, memories, signal);
  await saveEmbeddings(database, model, memories, vectors);
  return true;
}

/** One text that the model does not take must not keep the others from their places. */
async function vectorsOf(
  embedder: Embedder,
  memories: readonly UnembeddedMemory[],
  signal: AbortSignal,
): Promise<Int8Array[]> {
  const options = { signal, patienceSeconds: limits.EMBEDDING_BATCH_SECONDS };
  try {
    return (await embedder.embed(memories.map(textOf), options)).map(packVector);
  } catch (error) {
    if (!isRefusedText(error)) throw error;
    if (memories.length === 1) return [new Int8Array()];
    const vectors: Int8Array[] = [];
    for (const memory of memories) vectors.push(...(await vectorsOf(embedder, [memory], signal)));
    return vectors;
  }
}

/** A wrong key or a wrong address is no fault of a text. */
function isRefusedText(error: unknown): boolean {
  return error instanceof ModelError && (error.code === 'CONTEXT_OVERFLOW' || error.code === 'MODEL_REFUSED');
}

function textOf({ text, tags }: UnembeddedMemory): string {
  return [text, ...tags].join('\n');
}
