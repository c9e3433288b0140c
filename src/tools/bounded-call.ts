import type { Clock } from '../clock.ts';
import { JSON_LEVELS, TOOL_ERROR_CHARACTERS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { maskedBeginning } from '../domain/secrets/mask.ts';
import { firstCharacters, storableText } from '../domain/storable-text.ts';
import { createPausableTimeout } from './pausable-timeout.ts';
import type { Tool, ToolContext } from './tool.ts';

export type ToolOutcome = { durationMilliseconds: number } & (
  | {
      ok: true;
      output: Json;
      /** Whether the output was cut. A cut value other than a string is the beginning of its JSON text. */
      truncated: boolean;
    }
  /** The error has no credentials. */
  | { ok: false; error: string }
);

/** The error of a tool that fails without one. */
export const NO_ERROR_MESSAGE = 'The tool failed without a message.';

interface CallOptions {
  clock: Clock;
  /** Maximum size of the output as JSON. */
  outputBytes: number;
}

/**
 * Executes one call within its timeout and the bounds of an output, whatever the tool does, unless it blocks the thread.
 * Rejects only with the reason of `context.signal`, if that aborts before there is a result.
 */
export async function runTool(
  tool: Tool,
  input: Json,
  context: ToolContext,
  { clock, outputBytes }: CallOptions,
): Promise<ToolOutcome> {
  context.signal.throwIfAborted();
  const startedAt = clock.elapsed();
  const timeout = new AbortController();
  const timer = createPausableTimeout(clock, tool.timeoutSeconds * 1000, () =>
    timeout.abort(new Error(`The tool did not finish within ${tool.timeoutSeconds} seconds and was stopped.`)),
  );
  const signal = AbortSignal.any([context.signal, timeout.signal]);
  const untimed = timer.pauseDuring;
  const { ask } = context;
  const timed: ToolContext = {
    ...context,
    signal,
    untimed,
    ...(ask && { ask: (question, unneeded) => untimed(() => ask(question, unneeded)) }),
  };
  const duration = () => Math.max(0, Math.round(clock.elapsed() - startedAt));
  try {
    const result = await unlessAborted(signal, () => tool.execute(input, timed));
    return { ok: true, ...boundOutput(result, outputBytes), durationMilliseconds: duration() };
  } catch (error) {
    context.signal.throwIfAborted();
    return { ok: false, error: errorText(error), durationMilliseconds: duration() };
  } finally {
    timer.stop();
  }
}

/** A late rejection of the loser of the race is handled and ignored. */
async function unlessAborted<Result>(signal: AbortSignal, start: () => Promise<Result>): Promise<Result> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    // Registered before the listeners of the tool, so that its reaction to the abort never wins.
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([aborted, (async () => start())()]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function boundOutput(result: Json, bytes: number): { output: Json; truncated: boolean } {
  if (typeof result === 'string') return boundText(result, bytes);
  const text = jsonText(result);
  if (text.length > bytes) return boundText(text, bytes);
  const storable = storableJson(text);
  const output: Json = JSON.parse(storable);
  const fits = Buffer.byteLength(storable) <= bytes && !isDeeperThan(output, JSON_LEVELS);
  return fits ? { output, truncated: false } : boundText(storable, bytes);
}

function boundText(text: string, bytes: number): { output: string; truncated: boolean } {
  // Every character takes at least one byte, so a huge text is cut before it is processed.
  const beginning = storableText(firstCharacters(text, bytes));
  const output = cutToJsonBytes(beginning, bytes);
  return { output, truncated: text.length > bytes || output.length < beginning.length };
}

function jsonText(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    throw new Error(`The tool's result is not JSON: ${errorText(error)}`);
  }
  if (text === undefined) throw new Error('The tool returned nothing.');
  return text;
}

/** Replaces NUL and unpaired surrogates, which databases refuse. JSON text has both as escapes, also in member names. */
function storableJson(text: string): string {
  // A pair of backslashes is matched first, so that the characters after it are not read as an escape.
  return text.replace(/\\(\\|u0000|ud[89a-f][0-9a-f]{2})/g, (escaped, kind) => (kind === '\\' ? escaped : '\ufffd'));
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

/** Characters that are measured together, which is faster. */
const BLOCK_CHARACTERS = 4096;

/** Words that are cut are left out up to this length. */
const WORD_CHARACTERS = 4096;

/** A text that was cut, without the word at its end: the rest of a credential would not be recognised as one. */
export function withoutCutWord(text: string): string {
  const least = Math.max(0, text.length - WORD_CHARACTERS);
  let end = text.length;
  while (end > least && !/[\s"',;<>()[\]{}]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end).toWellFormed();
}

/** The longest beginning of `text`, in whole characters, whose JSON text has at most `bytes` bytes. */
export function cutToJsonBytes(text: string, bytes: number): string {
  let remaining = bytes - '""'.length;
  let end = 0;
  while (end < text.length) {
    const block = firstCharacters(text.slice(end, end + BLOCK_CHARACTERS + 1), BLOCK_CHARACTERS);
    const blockBytes = Buffer.byteLength(JSON.stringify(block)) - '""'.length;
    if (blockBytes > remaining) break;
    remaining -= blockBytes;
    end += block.length;
  }
  for (const character of text.slice(end, end + BLOCK_CHARACTERS)) {
    remaining -= jsonBytes(character.codePointAt(0) ?? 0);
    if (remaining < 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function jsonBytes(codePoint: number): number {
  if (codePoint === 0x22 || codePoint === 0x5c) return 2;
  if (codePoint < 0x20) return [0x08, 0x09, 0x0a, 0x0c, 0x0d].includes(codePoint) ? 2 : 6;
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  if (codePoint < 0x10000) return codePoint >= 0xd800 && codePoint < 0xe000 ? 6 : 3;
  return 4;
}

function errorText(error: unknown): string {
  return maskedBeginning(describe(error), TOOL_ERROR_CHARACTERS) || NO_ERROR_MESSAGE;
}

/** Tools can throw any value, even one whose members throw. */
function describe(error: unknown): string {
  try {
    if (error instanceof AggregateError && !error.message) return error.errors.map(describe).join('; ');
    if (error instanceof Error) return String(error.message || error.name);
    if (typeof error === 'object' && error !== null) return JSON.stringify(error);
    return error === undefined || error === null ? '' : String(error);
  } catch {
    return '';
  }
}
