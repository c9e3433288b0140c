import type { RequestedCall } from '../model.ts';
import { isRecord, nonsense } from './nonsense.ts';

/** Calls in one answer; a run is allowed fewer, so more is a model that has lost its way. */
const MOST_CALLS = 256;
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
    if (open.length === MOST_CALLS) throw nonsense(`more than ${MOST_CALLS} tool calls at once`);
    const call = { id, tool: '', arguments: '' };
    open.push(call);
    if (index !== null) byIndex.set(index, call);
    return call;
  }

  return {
    take(fragment) {
      if (!isRecord(fragment)) throw nonsense('a tool call that is no object');
      const name = functionOf(fragment).name;
      const id = typeof fragment.id === 'string' && fragment.id !== '' ? fragment.id : null;
      const index = typeof fragment.index === 'number' ? fragment.index : null;
      const isNamed = typeof name === 'string' && name !== '';
      const before = index === null ? open.at(-1) : byIndex.get(index);
      const call = before && !startsAnother(before, { id, index, isNamed }) ? before : begin(id, index);
      if (isNamed && call.tool === '') call.tool = name;
      call.id ??= id;
      const text = textOfArguments(functionOf(fragment).arguments);
      characters += text.length;
      if (characters > MOST_ARGUMENT_CHARACTERS) throw nonsense('tool arguments without an end');
      call.arguments += text;
    },
    calls: (usedIds) => requestedCalls(open, usedIds),
  };
}

/** Some servers give every call the same index, or none: then a new id, or a name without one, begins a call. */
function startsAnother(
  before: OpenCall,
  { id, index, isNamed }: { id: string | null; index: number | null; isNamed: boolean },
): boolean {
  if (id !== null && before.id !== null && id !== before.id) return isNamed || index === null;
  return id === null && index === null && isNamed && before.tool !== '';
}

function requestedCalls(open: readonly OpenCall[], usedIds: ReadonlySet<string>): RequestedCall[] {
  const seen = new Set(usedIds);
  return open.map((call) => {
    if (call.tool === '') throw nonsense('a tool call without a name');
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
