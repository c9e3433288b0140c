import { PROVIDER_CALLS } from '../../config/limits.ts';
import { isRecord, protocolError } from '../provider/response-values.ts';
import type { RequestedCall } from '../model.ts';

/** Characters of all arguments of one answer: bounds what a provider can make the server hold. */
const MOST_ARGUMENT_CHARACTERS = 4 * 1024 * 1024;

interface OpenCall {
  id: string | null;
  tool: string;
  arguments: string;
}

export interface CallCollector {
  /** Takes an entry of `tool_calls`: a whole call, or a fragment of one. */
  take(fragment: unknown): void;
  /**
   * The calls in the order in which they began.
   * @param usedIds ids of calls before this answer: a provider that gives them again has given none
   */
  calls(usedIds: ReadonlySet<string>): RequestedCall[];
}

/** Puts calls together from fragments, by `index` where there is one and by id or name where there is none. */
export function createCallCollector(): CallCollector {
  const open: OpenCall[] = [];
  const byIndex = new Map<number, OpenCall>();
  let characters = 0;

  function begin(id: string | null, index: number | null): OpenCall {
    if (open.length === PROVIDER_CALLS) throw protocolError(`more than ${PROVIDER_CALLS} tool calls at once`);
    const call = { id, tool: '', arguments: '' };
    open.push(call);
    if (index !== null) byIndex.set(index, call);
    return call;
  }

  return {
    take(fragment) {
      if (!isRecord(fragment)) throw protocolError('a tool call that is no object');
      const name = functionOf(fragment).name;
      const id = typeof fragment.id === 'string' && fragment.id !== '' ? fragment.id : null;
      const index = indexOf(fragment.index);
      const isNamed = typeof name === 'string' && name !== '';
      const text = textOfArguments(functionOf(fragment).arguments);
      const before = index === null ? open.at(-1) : byIndex.get(index);
      if (before && isNamed && repeats(before, { id, tool: name, arguments: text })) return;
      const call = before && !startsAnother(before, { id, index, isNamed, text }) ? before : begin(id, index);
      if (isNamed && call.tool === '') call.tool = name;
      call.id ??= id;
      characters += text.length;
      if (characters > MOST_ARGUMENT_CHARACTERS) throw protocolError('tool arguments without an end');
      call.arguments += text;
    },
    calls: (usedIds) => requestedCalls(open, usedIds),
  };
}

interface Fragment {
  id: string | null;
  index: number | null;
  isNamed: boolean;
  /** Of its arguments. */
  text: string;
}

/** Some servers give every call the same index, or none: then a new id, or a name without one, begins a call. */
function startsAnother(before: OpenCall, { id, index, isNamed, text }: Fragment): boolean {
  if (id !== null && before.id !== null && id !== before.id) return isNamed || index === null;
  if (id !== null || !isNamed || before.tool === '') return false;
  // Others repeat the name in each fragment of one call; arguments that are complete take no more.
  return index === null || (isWholeObject(before.arguments) && /^\s*\{/.test(text));
}

/** Some servers end their answer with all of it once more. */
function repeats(before: OpenCall, again: OpenCall): boolean {
  return (
    again.id !== null &&
    again.id === before.id &&
    again.tool === before.tool &&
    again.arguments === before.arguments &&
    isWholeObject(before.arguments)
  );
}

function isWholeObject(text: string): boolean {
  // Told by its last character first: this is asked once a fragment.
  if (!text.endsWith('}')) return false;
  try {
    return isRecord(JSON.parse(text));
  } catch {
    return false;
  }
}

function indexOf(value: unknown): number | null {
  const index = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof index === 'number' && Number.isInteger(index) ? index : null;
}

function requestedCalls(open: readonly OpenCall[], usedIds: ReadonlySet<string>): RequestedCall[] {
  const seen = new Set(usedIds);
  return open.map((call) => {
    if (call.tool === '') throw protocolError('a tool call without a name');
    const isFresh = call.id !== null && !seen.has(call.id);
    if (call.id !== null) seen.add(call.id);
    return {
      callId: isFresh ? call.id : null,
      tool: call.tool,
      arguments: call.arguments.trim() === '' ? '{}' : call.arguments,
    };
  });
}

function functionOf(fragment: Record<string, unknown>): Record<string, unknown> {
  return isRecord(fragment.function) ? fragment.function : {};
}

function textOfArguments(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
