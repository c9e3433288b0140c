import type { CatalogueEntry } from '../../../src/models/catalogue.ts';
import { alwaysClosed } from '../../../src/models/circuit.ts';
import type { ModelFinish, ModelRequest, ModelSink } from '../../../src/models/model.ts';

/** What a model does with one request. */
export type Behaviour = (sink: ModelSink, signal: AbortSignal, request: ModelRequest) => Promise<ModelFinish>;

export const finish = (more: Partial<ModelFinish> = {}): ModelFinish => ({
  reason: 'stop',
  calls: [],
  usage: null,
  responseId: null,
  ...more,
});

/** Answers with these pieces. */
export const saying =
  (...pieces: string[]): Behaviour =>
  async (sink) => {
    for (const piece of pieces) sink.text(piece);
    return finish();
  };

/** Answers with a piece of text, if there is one, and then fails. */
export const failing =
  (error: unknown, piece = ''): Behaviour =>
  async (sink) => {
    if (piece !== '') sink.text(piece);
    throw error;
  };

export interface FakeModel extends CatalogueEntry {
  /** The requests that it got. */
  requests: ModelRequest[];
}

/** A model that treats each request as the next of these says; the last one is for all that follow. */
export function fakeModel(
  name: string,
  behaviours: readonly [Behaviour, ...Behaviour[]],
  more: Partial<CatalogueEntry> = {},
): FakeModel {
  const requests: ModelRequest[] = [];
  return {
    name,
    provider: 'test',
    model: {
      async stream(request, sink, signal) {
        const behave = behaviours[Math.min(requests.length, behaviours.length - 1)] ?? behaviours[0];
        requests.push(request);
        return behave(sink, signal, request);
      },
    },
    circuit: alwaysClosed,
    fallbacks: [],
    contextTokens: 10_000,
    maxOutputTokens: null,
    attachments: [],
    structuredOutput: false,
    price: null,
    requests,
    ...more,
  };
}
