import { SUMMARY_BYTES } from '../../config/limits.ts';
import type { OutputUsage } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type CatalogueEntry, costOf } from '../../models/catalogue.ts';
import { ModelError, type ModelFinish, type ModelRequest } from '../../models/model.ts';
import { summaryRequest } from '../../models/summary-request.ts';
import { estimateTokens } from '../token-estimate.ts';

export type SummaryOutcome = { kind: 'summary'; text: string; tokens: number; usage: OutputUsage } | FailedSummary;

/** `reason` is a sentence for a person; `usage` is null if the call was not completed. */
type FailedSummary = { kind: 'failed'; reason: string; usage: OutputUsage | null };

/**
 * Has the model summarise a transcript, and rejects a summary that is empty, too long, or not shorter than what it
 * replaces. Rejects with the signal's reason if the signal aborts.
 */
export async function summarise(
  model: CatalogueEntry,
  { transcript, tokensBefore, maxTokens }: { transcript: string; tokensBefore: number; maxTokens: number },
  signal: AbortSignal,
): Promise<SummaryOutcome> {
  const request = summaryRequest(transcript, Math.min(maxTokens, Math.floor(tokensBefore / 2)));
  const response = await callModel(model, request, signal);
  if (response.kind === 'failed') return response;
  const { text, finish } = response;
  const tokens = estimateTokens(text);
  const usage = usageOf(model, request, text, finish);
  if (text.trim() === '') return rejected('it was empty', usage);
  if (tokens >= tokensBefore) return rejected('it was not shorter than what it replaces', usage);
  // Models count words inexactly, so twice the requested length is accepted.
  if (tokens > maxTokens * 2 || Buffer.byteLength(text) > SUMMARY_BYTES) return rejected('it was too long', usage);
  return { kind: 'summary', text, tokens, usage };
}

function rejected(problem: string, usage: OutputUsage | null): FailedSummary {
  return { kind: 'failed', reason: `The model's summary was rejected: ${problem}.`, usage };
}

type ModelResponse = { kind: 'complete'; text: string; finish: ModelFinish } | FailedSummary;

async function callModel(model: CatalogueEntry, request: ModelRequest, signal: AbortSignal): Promise<ModelResponse> {
  const pieces: string[] = [];
  let bytes = 0;
  const tooLong = new AbortController();
  const text = (piece: string) => {
    bytes += Buffer.byteLength(piece);
    if (bytes > SUMMARY_BYTES) tooLong.abort(tooLong);
    else pieces.push(piece);
  };
  try {
    const sink = { text, thought: () => undefined };
    const finish = await model.model.stream(request, sink, AbortSignal.any([signal, tooLong.signal]));
    return { kind: 'complete', text: storableText(pieces.join('').trim()), finish };
  } catch (error) {
    signal.throwIfAborted();
    if (error === tooLong) return rejected('it was too long', null);
    if (!(error instanceof ModelError)) throw error;
    return { kind: 'failed', reason: `The model did not return a summary: ${error.message}`, usage: null };
  }
}

function usageOf(model: CatalogueEntry, request: ModelRequest, text: string, { usage }: ModelFinish): OutputUsage {
  const input = request.instructions + request.messages.map((message) => message.text).join('');
  const estimate = {
    input: estimateTokens(input),
    output: estimateTokens(text),
    cachedInput: null,
    reasoning: null,
  };
  const counted = usage ?? estimate;
  return { ...counted, estimated: usage === null, cost: model.price && costOf(counted, model.price) };
}
