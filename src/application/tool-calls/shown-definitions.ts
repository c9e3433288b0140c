import type { Json } from '../../domain/events.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Tool } from '../../tools/tool.ts';
import { isDefinitionChanged } from './review-call.ts';

/**
 * The definitions that approvers of these calls were shown last, by call id. Reads the tape only for calls whose tool has changed
 * since.
 */
export async function shownDefinitions(
  journal: Pick<Journal, 'readMany'>,
  runId: string,
  calls: readonly { call: ToolCall; tool: Tool | null }[],
): Promise<Map<string, Json>> {
  const changed = calls.filter(
    ({ call, tool }) => tool && call.approvalRequests > 0 && isDefinitionChanged(call, tool),
  );
  const definitions = new Map<string, Json>();
  if (changed.length === 0) return definitions;
  const after = Math.min(...changed.map(({ call }) => call.seq));
  const requests = await journal.readMany([{ runId, after, upTo: Number.MAX_SAFE_INTEGER }], ['approval_request']);
  for (const event of requests.get(runId) ?? []) {
    if (event.type === 'approval_request') definitions.set(event.payload.callId, event.payload.definition);
  }
  return definitions;
}
