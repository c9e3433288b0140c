import type { Json, PayloadOf, RecordedEvent, RiskLevel } from '../domain/events.ts';
import type { Journal } from '../journal/journal.ts';
import type { ApprovalRow } from './approvals.ts';

/** What an approver decides about, as the tape has it. */
export interface ApprovalContent {
  callId: string;
  tool: string;
  /** The model's input, or the one that an earlier approver of the call replaced it with. */
  input: Json;
  risk: RiskLevel;
  summary: string;
  target: string | null;
  rule: string | null;
  definition: Json;
  previousDefinition: Json;
}

type Located = Pick<ApprovalRow, 'id' | 'runId' | 'tool' | 'callId' | 'callSeq' | 'requestSeq'>;

/**
 * Reads the contents of approvals from their tapes, in one query. Rows only say where they are: a row that was changed, or does not
 * belong to its tape, cannot show an approver another call.
 */
export async function approvalContents(
  journal: Pick<Journal, 'readMany'>,
  approvals: readonly Located[],
): Promise<Map<string, ApprovalContent>> {
  const tapes = await journal.readMany(tapeParts(approvals), ['tool_call', 'approval_request', 'approval_decision']);
  return new Map(
    approvals.map((approval) => [
      approval.id,
      contentOf(approval.id, tapes.get(approval.runId) ?? []) ?? missingContent(approval),
    ]),
  );
}

/** How an approval was settled, as the tape has it; null if it is open. */
export async function approvalDecisionOf(
  journal: Pick<Journal, 'readMany'>,
  { id, runId, callSeq }: Pick<Located, 'id' | 'runId' | 'callSeq'>,
): Promise<PayloadOf<'approval_decision'> | null> {
  const part = { runId, after: callSeq, upTo: Number.MAX_SAFE_INTEGER };
  const events = (await journal.readMany([part], ['approval_decision'])).get(runId) ?? [];
  const decision = events.find((event) => event.type === 'approval_decision' && event.payload.approvalId === id);
  return decision?.type === 'approval_decision' ? decision.payload : null;
}

/** The part of each tape from the first of these calls to the last of these requests. */
function tapeParts(approvals: readonly Located[]) {
  const parts = new Map<string, { runId: string; after: number; upTo: number }>();
  for (const { runId, callSeq, requestSeq } of approvals) {
    const { after, upTo } = parts.get(runId) ?? { after: callSeq - 1, upTo: requestSeq };
    parts.set(runId, { runId, after: Math.min(after, callSeq - 1), upTo: Math.max(upTo, requestSeq) });
  }
  return [...parts.values()];
}

function contentOf(approvalId: string, events: readonly RecordedEvent[]): ApprovalContent | null {
  const request = events.find((event) => event.type === 'approval_request' && event.payload.approvalId === approvalId);
  if (request?.type !== 'approval_request') return null;
  const { callId, risk, summary, target, rule, definition, previousDefinition } = request.payload;
  let call: { tool: string; input: Json } | null = null;
  for (const { type, payload, seq } of events) {
    if (seq > request.seq) break;
    if (type === 'tool_call' && payload.callId === callId) call = { tool: payload.tool, input: payload.input };
    if (type === 'approval_decision' && payload.callId === callId && payload.editedInput !== null && call) {
      call = { ...call, input: payload.editedInput };
    }
  }
  return call && { ...call, callId, risk, summary, target, rule, definition, previousDefinition };
}

/** The run was purged meanwhile, or the row does not match the tape. One such row must not hide the others of a list. */
function missingContent({ callId, tool }: Located): ApprovalContent {
  return {
    callId,
    tool,
    input: {},
    risk: 'CRITICAL',
    summary: 'The tape of the run does not have this request, so it cannot be shown. Run the command `verify`.',
    target: null,
    rule: null,
    definition: null,
    previousDefinition: null,
  };
}
