import type { Clock } from '../clock.ts';
import type { Json } from '../domain/events.ts';
import { storableText } from '../domain/storable-text.ts';
import type { Tool, ToolContext } from './tool.ts';

export type ToolOutcome = { durationMilliseconds: number } & (
  | {
      ok: true;
      output: Json;
      /** Whether the output was cut; where it was not a string, it is then the beginning of its JSON text. */
      truncated: boolean;
    }
  | { ok: false; error: string }
);

interface Bounds {
  clock: Clock;
  /** The longest output, as JSON. */
  outputBytes: number;
}

/** Enough to say what went wrong, too little to fill a model's window. */
const ERROR_CHARACTERS = 2000;
/** Beyond this, readers that call themselves for each level would run out of stack. */
const OUTPUT_LEVELS = 64;

/**
 * Runs one call and always settles soon after its time-out, whatever the tool does, short of
 * blocking the thread. Rejects only with the reason of `context.signal`, when that aborts before there is a result.
 */
export async function runTool(tool: Tool, input: Json, context: ToolContext, bounds: Bounds): Promise<ToolOutcome> {
  context.signal.throwIfAborted();
  const { clock, outputBytes } = bounds;
  const startedAt = clock.elapsed();
  const timeout = new AbortController();
  const stopTimer = clock.after(tool.timeoutSeconds * 1000, () =>
    timeout.abort(new Error(`The tool did not finish within ${tool.timeoutSeconds} seconds and was stopped.`)),
  );
  const signal = AbortSignal.any([context.signal, timeout.signal]);
  const duration = () => Math.max(0, Math.round(clock.elapsed() - startedAt));
  try {
    const result = await unlessAborted(signal, () => tool.execute(input, { ...context, signal }));
    return { ok: true, ...boundOutput(result, outputBytes), durationMilliseconds: duration() };
  } catch (thrown) {
    context.signal.throwIfAborted();
    return { ok: false, error: errorText(thrown), durationMilliseconds: duration() };
  } finally {
    stopTimer();
  }
}

/** The race handles both promises to their end, so a rejection that comes too late is nobody's surprise. */
async function unlessAborted<Result>(signal: AbortSignal, start: () => Promise<Result>): Promise<Result> {
  const finished = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    // Listens before the tool does, so that what the tool makes of the abort never counts.
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: finished.signal });
  });
  try {
    return await Promise.race([aborted, (async () => start())()]);
  } finally {
    finished.abort();
  }
}

function boundOutput(result: Json, bytes: number): { output: Json; truncated: boolean } {
  if (typeof result === 'string') return boundText(result, bytes);
  const text = jsonText(result);
  if (text.length > bytes) return boundText(text, bytes);
  const storable = storableJson(text);
  const output: Json = JSON.parse(storable);
  const isFine = Buffer.byteLength(storable) <= bytes && !isDeeperThan(output, OUTPUT_LEVELS);
  return isFine ? { output, truncated: false } : boundText(storable, bytes);
}

function boundText(text: string, bytes: number): { output: string; truncated: boolean } {
  // No character takes less than a byte, so a flood is cut before it is worked on.
  const beginning = storableText(firstCharacters(text, bytes));
  const output = cutToJsonBytes(beginning, bytes);
  return { output, truncated: text.length > bytes || output.length < beginning.length };
}

function jsonText(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (thrown) {
    throw new Error(`The tool's result is not JSON: ${errorText(thrown)}`);
  }
  if (text === undefined) throw new Error('The tool returned nothing.');
  return text;
}

/** Databases take neither NUL nor half a surrogate pair; JSON text writes both as escapes, in keys too. */
function storableJson(text: string): string {
  // Two backslashes are taken together, so that what follows them is not read as an escape.
  return text.replace(/\\(\\|u0000|ud[89a-f][0-9a-f]{2})/g, (escaped, kind) => (kind === '\\' ? escaped : '\ufffd'));
}

/** At most so many UTF-16 units, and no half pair at the cut. */
export function firstCharacters(text: string, units: number): string {
  const kept = text.slice(0, units);
  return text.length > units ? kept.replace(/[\ud800-\udbff]$/, '') : kept;
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** The longest beginning of `text`, in whole characters, whose JSON text is no longer than `bytes`. */
export function cutToJsonBytes(text: string, bytes: number): string {
  let left = bytes - '""'.length;
  let end = 0;
  for (const character of text) {
    left -= jsonBytes(character.codePointAt(0) ?? 0);
    if (left < 0) break;
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

function errorText(thrown: unknown): string {
  return firstCharacters(storableText(describe(thrown)), ERROR_CHARACTERS) || 'The tool failed without saying why.';
}

/** Tools throw anything, even values that throw again when they are looked at. */
function describe(thrown: unknown): string {
  try {
    if (thrown instanceof AggregateError && !thrown.message) return thrown.errors.map(describe).join('; ');
    if (thrown instanceof Error) return String(thrown.message || thrown.name);
    if (typeof thrown === 'object' && thrown !== null) return JSON.stringify(thrown);
    return thrown === undefined || thrown === null ? '' : String(thrown);
  } catch {
    return '';
  }
}
