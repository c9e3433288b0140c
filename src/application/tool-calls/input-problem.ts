import * as limits from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import type { Tool } from '../../tools/tool.ts';

/** Why a tool can not be called with this input, in words for whoever wrote it, or null. */
export function inputProblem(tool: Tool, input: Json): string | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return 'The input must be a JSON object.';
  if (Buffer.byteLength(JSON.stringify(input)) > limits.TOOL_INPUT_BYTES) {
    return `The input is longer than ${limits.TOOL_INPUT_BYTES} bytes.`;
  }
  const prepared = tool.prepare(input);
  return prepared.ok ? null : prepared.error;
}
