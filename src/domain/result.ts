import type { Json } from './events.ts';

// The texts in this file are part of request hashes on tapes: if one of them changes, the contexts that were recorded before can
// no longer be rebuilt exactly.

const REQUEST = 'Write the result of this conversation as JSON.';

/**
 * What the model is told after an answer that does not fit the output schema.
 * @param problem why the last answer does not fit
 */
export function resultRequest(schema: Json, problem: string): string {
  return [
    `${REQUEST} It must fit this JSON Schema:`,
    JSON.stringify(schema),
    `Your last answer does not fit: ${problem}.`,
    'Reply with the JSON alone, without an introduction, an explanation or a code fence.',
  ].join('\n');
}

/** Whether a message is such a request. */
export function isResultRequest(text: string): boolean {
  return text.startsWith(REQUEST);
}

/** Deeper values cannot be written as JSON safely. */
const RESULT_LEVELS = 64;

/** Never descends further than `levels`. */
function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

const fenced = /^```(?:json)?[ \t]*\r?\n([\s\S]*?)\r?\n```$/i;

/** Reads an answer as JSON. Models often put it into a code fence, also when they are told not to. */
export function parseResult(answer: string): { ok: true; value: Json } | { ok: false; problem: string } {
  const text = answer.trim();
  try {
    const value: Json = JSON.parse(fenced.exec(text)?.[1] ?? text);
    if (isDeeperThan(value, RESULT_LEVELS)) {
      return { ok: false, problem: `it is nested more than ${RESULT_LEVELS} levels deep` };
    }
    return { ok: true, value };
  } catch (error) {
    return { ok: false, problem: `it is not JSON (${error instanceof Error ? error.message : String(error)})` };
  }
}
