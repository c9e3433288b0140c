import { SUMMARY_BYTES } from '../../config/limits.ts';
import type { OutputUsage } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type CatalogueEntry, ModelError, type ModelFinish, type ModelRequest } from '../../models/model.ts';
import { costOf } from '../../models/price.ts';
import { summaryRequest } from '../../models/summary-request.ts';
import { estimateTokens } from '../token-estimate.ts';

export type Summary = { kind: 'summary'; text: string; tokens: number; usage: OutputUsage } | Refused;

/** `reason` is for a person; `usage` is null where nobody counted. */
type Refused = { kind: 'refused'; reason: string; usage: OutputUsage | null };

/**
 * Asks the model for a summary and holds it against what it is to stand for: one that is empty, or not shorter, is refused.
 * Rejects with the signal's reason where it aborts.
 */
export async function summarise(
  model: CatalogueEntry,
  { material, tokensBefore, mostTokens }: { material: string; tokensBefore: number; mostTokens: number },
  signal: AbortSignal,
): Promise<Summary> {
  const request = summaryRequest(material, Math.min(mostTokens, Math.floor(tokensBefore / 2)));
  const answer = await ask(model, request, signal);
  if (answer.kind === 'refused') return answer;
  const { text, finish } = answer;
  const tokens = estimateTokens(text);
  const usage = usageOf(model, request, text, finish);
  const refused = (why: string) => refusal(why, usage);
  if (text.trim() === '') return refused('it was empty');
  if (tokens >= tokensBefore) return refused('it was not shorter than what it was to stand for');
  // Twice what was asked for is a matter of counting; more would crowd out the conversation.
  if (tokens > mostTokens * 2 || Buffer.byteLength(text) > SUMMARY_BYTES) return refused('it was too long');
  return { kind: 'summary', text, tokens, usage };
}

function refusal(why: string, usage: OutputUsage | null): Refused {
  return { kind: 'refused', reason: `The model's summary was refused: ${why}.`, usage };
}

type Answer = { kind: 'said'; text: string; finish: ModelFinish } | Refused;

async function ask(model: CatalogueEntry, request: ModelRequest, signal: AbortSignal): Promise<Answer> {
  const pieces: string[] = [];
  let bytes = 0;
  const full = new AbortController();
  const text = (piece: string) => {
    bytes += Buffer.byteLength(piece);
    if (bytes > SUMMARY_BYTES) full.abort(full);
    else pieces.push(piece);
  };
  try {
    const sink = { text, thought: () => undefined };
    const finish = await model.model.stream(request, sink, AbortSignal.any([signal, full.signal]));
    return { kind: 'said', text: storableText(pieces.join('').trim()), finish };
  } catch (error) {
    signal.throwIfAborted();
    if (error === full) return refusal('it was too long', null);
    if (error instanceof ModelError) {
      return { kind: 'refused', reason: `The model gave no summary: ${error.message}`, usage: null };
    }
    throw error;
  }
}

function usageOf(model: CatalogueEntry, request: ModelRequest, text: string, { usage }: ModelFinish): OutputUsage {
  const asked = request.instructions + (request.messages[0]?.text ?? '');
  const counted = usage ?? {
    input: estimateTokens(asked),
    output: estimateTokens(text),
    cachedInput: null,
    reasoning: null,
  };
  return { ...counted, estimated: usage === null, cost: model.price && costOf(counted, model.price) };
}
