import { PROVIDER_TOOL_CALLS } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import type { ModelRequest, RequestedCall } from '../model.ts';
import { protocolError } from './failure.ts';

/** The longest tool name that the common providers accept. */
const NAME_CHARACTERS = 64;

/** A tool call as a provider sent it. */
export interface ProviderCall {
  /** Null if the provider gave none. */
  id: string | null;
  tool: string;
  arguments: string;
}

/** Adds a call of a response. Throws a protocol error if the response has too many. */
export function addCall(calls: ProviderCall[], call: ProviderCall): void {
  if (calls.length === PROVIDER_TOOL_CALLS) throw protocolError(`it has more than ${PROVIDER_TOOL_CALLS} tool calls`);
  calls.push(call);
}

/** Ids of the calls that a request shows to the provider. */
export function usedCallIds({ messages }: ModelRequest): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const message of messages) {
    if (message.role === 'assistant') for (const { callId } of message.calls) ids.add(callId);
  }
  return ids;
}

/** The calls of a response. An id that is already used, by the request or within the response, is replaced by null. */
export function requestedCalls(calls: readonly ProviderCall[], usedIds: ReadonlySet<string>): RequestedCall[] {
  const seenIds = new Set(usedIds);
  return calls.map(({ id, tool, arguments: text }) => {
    const callId = id === null || seenIds.has(id) ? null : id;
    if (callId !== null) seenIds.add(callId);
    return { callId, tool, arguments: text.trim() === '' ? '{}' : text };
  });
}

/** The input of a recorded call as providers accept it: many refuse one that is not an object. */
export function asObject(input: Json): { [key: string]: Json } {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { malformed: input };
}

/** The tool name of a recorded call as providers accept it: a model may have requested a tool of any name. */
export function acceptableToolName(tool: string): string {
  return tool.replace(/[^\w-]/g, '_').slice(0, NAME_CHARACTERS) || 'unnamed';
}
