import { isRecord } from '../provider/response-values.ts';
import type { ModelUsage } from '../model.ts';

/** Reads `usage`; null where it lacks one of the two figures that everything else is a part of. */
export function usageOf(value: unknown): ModelUsage | null {
  if (!isRecord(value)) return null;
  const input = count(value.prompt_tokens);
  const output = count(value.completion_tokens);
  if (input === null || output === null) return null;
  const ofPrompt = isRecord(value.prompt_tokens_details) ? value.prompt_tokens_details : {};
  const ofCompletion = isRecord(value.completion_tokens_details) ? value.completion_tokens_details : {};
  const cached = count(ofPrompt.cached_tokens) ?? count(value.prompt_cache_hit_tokens);
  const reasoning = count(ofCompletion.reasoning_tokens) ?? count(value.reasoning_tokens);
  // A part that is larger than the whole is no figure.
  return {
    input,
    output,
    cachedInput: cached !== null && cached <= input ? cached : null,
    reasoning: reasoning !== null && reasoning <= output ? reasoning : null,
  };
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
