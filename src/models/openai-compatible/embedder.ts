import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { EMBEDDING_DIMENSIONS, EMBEDDING_RESPONSE_BYTES } from '../../config/limits.ts';
import type { Embedded, Embedder } from '../embedder.ts';
import { parseProviderJson, protocolError, transportFailure } from '../provider/failure.ts';
import { guardCall } from '../provider/guarded-call.ts';
import { type ConnectionOptions, openConnection, readText } from './connection.ts';

export interface OpenAiEmbedderOptions extends ConnectionOptions {
  /** The provider's name for the model. */
  model: string;
  clock: Clock;
}

const responseSchema = z.object({
  data: z.array(
    z.object({
      index: z.int().nonnegative().optional(),
      embedding: z.array(z.number()).min(1).max(EMBEDDING_DIMENSIONS),
    }),
  ),
  // What is no number counts as not reported.
  usage: z.object({ prompt_tokens: z.int().nonnegative() }).nullish().catch(null),
});

/** An embedding model behind any server that implements OpenAI's `/embeddings`. Disposing it closes its connections. */
export function createOpenAiEmbedder(options: OpenAiEmbedderOptions): Embedder & AsyncDisposable {
  const { model, clock } = options;
  const connection = openConnection(options, 'embeddings');
  return {
    model,
    embed(texts, { signal, timeoutSeconds }) {
      const milliseconds = timeoutSeconds * 1000;
      const timeouts = { clock, firstByteMilliseconds: milliseconds, idleMilliseconds: milliseconds };
      return guardCall({ ...timeouts, signal, failureOf: transportFailure }, async (call) => {
        const { body } = await connection.post(JSON.stringify({ model, input: texts }), call);
        return embeddedOf(await readText(body, call.received, EMBEDDING_RESPONSE_BYTES), texts.length);
      });
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** Servers may return the vectors in another order, numbered by `index`. */
function embeddedOf(text: string, expected: number): Embedded {
  const parsed = responseSchema.safeParse(parseProviderJson(text));
  if (!parsed.success) throw protocolError('it contains no list of embeddings');
  const embeddings = parsed.data.data
    .map(({ index, embedding }, position) => ({ index: index ?? position, vector: Float32Array.from(embedding) }))
    .sort((left, right) => left.index - right.index);
  if (embeddings.length !== expected || embeddings.some(({ index }, position) => index !== position)) {
    throw protocolError('it does not contain one embedding per text');
  }
  return { vectors: embeddings.map(({ vector }) => vector), tokens: parsed.data.usage?.prompt_tokens ?? null };
}
