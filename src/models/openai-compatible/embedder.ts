import { Agent, request as httpRequest } from 'undici';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { EMBEDDING_ANSWER_BYTES, EMBEDDING_DIMENSIONS } from '../../config/limits.ts';
import { connectionFailure, createFailureReader, retryAfterSeconds } from '../provider/failure.ts';
import { guardCall, untilAborted } from '../provider/guarded-call.ts';
import { protocolError } from '../provider/response-values.ts';
import { ModelError } from '../model.ts';
import { readText } from './response-body.ts';
import { endpointOf } from './connection.ts';
import type { Embedder } from '../embedder.ts';

export interface OpenAiEmbedderOptions {
  /** Address up to and without `/embeddings`. May hold a user and a password. */
  baseURL: string;
  model: string;
  apiKey: string | null;
  headers?: Record<string, string>;
  clock: Clock;
}

const answerSchema = z.object({
  data: z.array(
    z.object({
      index: z.int().nonnegative().optional(),
      embedding: z.array(z.number()).min(1).max(EMBEDDING_DIMENSIONS),
    }),
  ),
});

/** An embedding model behind any server that speaks OpenAI's `/embeddings`. Its connections are closed when it is disposed. */
export function createOpenAiEmbedder(options: OpenAiEmbedderOptions): Embedder & AsyncDisposable {
  const endpoint = endpointOf(options, 'embeddings');
  const failures = createFailureReader(endpoint.secrets);
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return {
    model: options.model,
    embed(texts, { signal, patienceSeconds }) {
      const patience = patienceSeconds * 1000;
      const waits = { clock: options.clock, firstByteMilliseconds: patience, idleMilliseconds: patience };
      return guardCall({ ...waits, signal, failureOf }, async (call) => {
        const { statusCode, headers, body } = await untilAborted(
          httpRequest(endpoint.url, {
            method: 'POST',
            dispatcher: agent,
            headers: endpoint.headers,
            signal: call.signal,
            body: JSON.stringify({ model: options.model, input: texts }),
          }),
          call.signal,
        );
        if (statusCode < 200 || statusCode > 299) {
          const after = retryAfterSeconds(headers['retry-after'], options.clock.now());
          throw failures.ofAnswer(statusCode, await readText(body, call.heard), after);
        }
        return vectorsOf(await readText(body, call.heard, EMBEDDING_ANSWER_BYTES), texts.length);
      });
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy();
    },
  };
}

/** Servers may answer in another order, and say so by an index. */
function vectorsOf(text: string, expected: number): Float32Array[] {
  const parsed = answerSchema.safeParse(parse(text));
  if (!parsed.success) throw protocolError('embeddings of another form');
  const { data } = parsed.data;
  const vectors = data
    .map(({ index, embedding }, place) => ({ place: index ?? place, vector: Float32Array.from(embedding) }))
    .sort((left, right) => left.place - right.place);
  if (vectors.length !== expected || vectors.some(({ place }, index) => place !== index)) {
    throw protocolError('not one embedding for each text');
  }
  return vectors.map(({ vector }) => vector);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw protocolError('something that is not JSON', cause);
  }
}

/** Errors of the transport carry a code; anything else is the caller's reason, or a mistake of ours. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ModelError || !('code' in error)) return error;
  return connectionFailure(typeof error.code === 'string' ? error.code : error.name, error);
}
