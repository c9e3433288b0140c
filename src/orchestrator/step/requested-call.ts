import { z } from 'zod';
import { TOOL_INPUT_BYTES } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';

/** What is kept of arguments that can not be read. */
const KEPT_CHARACTERS = 2000;

/** Reads the arguments that a model wrote. What can not be read is kept as text, with the reason in words for the model. */
export function parseArguments(text: string): { input: Json; inputError: string | null } {
  const unreadable = (inputError: string) => ({
    input: canonicalValue(text.slice(0, KEPT_CHARACTERS)),
    inputError,
  });
  if (Buffer.byteLength(text) > TOOL_INPUT_BYTES)
    return unreadable(`The arguments are longer than ${TOOL_INPUT_BYTES} bytes.`);
  try {
    const input = z.json().parse(JSON.parse(text));
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
      return { input: canonicalValue(input), inputError: null };
    }
    return unreadable('The arguments must be a JSON object.');
  } catch (error) {
    return unreadable(`The arguments are not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
