import type { RequestedCall } from '../model.ts';
import { parseProviderJson, protocolError } from '../provider/failure.ts';
import { isRecord } from '../provider/response-values.ts';
import { addCall, type ProviderCall, requestedCalls } from '../provider/tool-calls.ts';

/** Bounds how much memory the arguments of one response can take. */
const MAX_ARGUMENT_CHARACTERS = 4 * 1024 * 1024;

export interface CallAssembler {
  /** Adds an entry of `tool_calls`: a whole call, or a fragment of one. Throws a protocol error if it is malformed. */
  add(entry: unknown): void;
  /** The calls in the order in which they began. Throws a protocol error if one has no name. */
  finish(usedIds: ReadonlySet<string>): RequestedCall[];
}

/** Assembles calls from fragments: by `index` if there is one, otherwise by id or name. */
export function createCallAssembler(): CallAssembler {
  const calls: ProviderCall[] = [];
  const byIndex = new Map<number, ProviderCall>();
  let characters = 0;

  function begin({ id, index }: Fragment): ProviderCall {
    const call = { id, tool: '', arguments: '' };
    addCall(calls, call);
    if (index !== null) byIndex.set(index, call);
    return call;
  }

  return {
    add(entry) {
      const fragment = fragmentOf(entry);
      const previous = fragment.index === null ? calls.at(-1) : byIndex.get(fragment.index);
      if (previous && repeats(previous, fragment)) return;
      const call = previous && !startsAnother(previous, fragment) ? previous : begin(fragment);
      if (call.tool === '') call.tool = fragment.name;
      call.id ??= fragment.id;
      characters += fragment.arguments.length;
      if (characters > MAX_ARGUMENT_CHARACTERS) throw protocolError('the arguments of its tool calls are too long');
      call.arguments += fragment.arguments;
    },
    finish(usedIds) {
      if (calls.some(({ tool }) => tool === '')) throw protocolError('a tool call has no name');
      return requestedCalls(calls, usedIds);
    },
  };
}

interface Fragment {
  id: string | null;
  index: number | null;
  /** Empty if the fragment names no tool. */
  name: string;
  arguments: string;
}

function fragmentOf(entry: unknown): Fragment {
  if (!isRecord(entry)) throw protocolError('a tool call is not an object');
  const { name, arguments: text } = isRecord(entry.function) ? entry.function : {};
  return {
    id: typeof entry.id === 'string' && entry.id !== '' ? entry.id : null,
    index: indexOf(entry.index),
    name: typeof name === 'string' ? name : '',
    arguments: textOfArguments(text),
  };
}

function indexOf(value: unknown): number | null {
  const index = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof index === 'number' && Number.isInteger(index) ? index : null;
}

function textOfArguments(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** Some servers give every call the same index, or none: then a new id, or a name without an id, begins a call. */
function startsAnother(previous: ProviderCall, { id, index, name, arguments: text }: Fragment): boolean {
  const isNamed = name !== '';
  if (id !== null && previous.id !== null && id !== previous.id) return isNamed || index === null;
  if (id !== null || !isNamed || previous.tool === '') return false;
  // Other servers repeat the name in each fragment of a call. Arguments that are complete cannot continue.
  return index === null || (isWholeObject(previous.arguments) && /^\s*\{/.test(text));
}

/** Some servers repeat the whole call at the end of the response. */
function repeats(previous: ProviderCall, fragment: Fragment): boolean {
  return (
    fragment.id !== null &&
    fragment.id === previous.id &&
    fragment.name !== '' &&
    fragment.name === previous.tool &&
    fragment.arguments === previous.arguments &&
    isWholeObject(previous.arguments)
  );
}

function isWholeObject(text: string): boolean {
  // The last character alone rules out most fragments.
  if (!text.endsWith('}')) return false;
  try {
    return isRecord(parseProviderJson(text));
  } catch {
    return false;
  }
}
