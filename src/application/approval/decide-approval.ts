import type { RowWrite } from '../../database/batch-statement.ts';
import { type ApprovalVerdict, decide, type NewGrant } from '../../domain/decide.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';
import { approvalDecisionOf } from '../../projections/approval-contents.ts';
import { type ApprovalRow, approvalById } from '../../projections/approvals.ts';
import { insertGrant } from '../../repositories/grants.ts';
import { sessionForExecution } from '../../repositories/sessions.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { AuditEntry } from '../audit/audit-log.ts';
import { entryOf, reportRefusedDecision } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput } from '../parse-input.ts';
import { inputSizeProblem, maskedInputProblem } from '../tool-calls/evaluate-call.ts';
import { expireWait } from '../wait/expire-waits.ts';
import { type Allowance, allowCall, noAllowance } from './allow-call.ts';
import { separationProblem, visibleOwner } from './approval-access.ts';
import { addedPlaceholderProblem, encryptedInputRows } from './decided-input.ts';
import { callWaitingFor } from './replace-approval.ts';
import { type DecideApprovalInput, isAllowing, isSameDecision, type Verdict, verdictSchema } from './verdict.ts';

export type DecidedApproval = { kind: 'decided'; approvalId: string; runId: string };

/**
 * Settles an approval, once. The decision, its grant, and the resumption of the run when it was the last open approval become
 * durable together. Repeating the winning decision succeeds.
 */
export async function decideApproval(
  context: CommandContext,
  viewer: Viewer,
  raw: DecideApprovalInput,
): Promise<DecidedApproval | Refusal> {
  const parsed = parseInput(verdictSchema, raw);
  if (isRefusal(parsed)) return parsed;
  const visible = await visibleApproval(context, viewer, parsed.input.approvalId);
  if (!visible) return notFound('approval', parsed.input.approvalId);
  const outcome = await decideVisible(context, viewer, visible, parsed.input);
  if (isRefusal(outcome)) reportRefusedDecision(context, auditEntry(viewer, visible, parsed.input), outcome);
  return outcome;
}

async function decideVisible(
  context: CommandContext,
  viewer: Viewer,
  { approval, session }: VisibleApproval,
  input: Verdict,
): Promise<DecidedApproval | Refusal> {
  const isEdited = input.editedInput != null;
  const separation = input.decision === 'ALLOW' && separationProblem(context.settings, viewer, session.owner, isEdited);
  if (separation) return separation;
  // Masking a long input takes time, so the size is checked first.
  const sizeProblem = input.editedInput == null ? null : inputSizeProblem(input.editedInput);
  if (sizeProblem) return invalidInput(['editedInput'], sizeProblem);
  if (approval.status === 'PENDING' && approval.expiresAt.getTime() <= context.now()) {
    await expireWait(context, approval);
  }
  const run = await context.runStore.load(approval.runId);
  const call = run && callWaitingFor(run, approval.id);
  // Checked before masking, which adds placeholders of its own.
  const placeholderProblem = call && addedPlaceholderProblem(call.input, input.editedInput ?? null);
  if (placeholderProblem) return invalidInput(['editedInput'], placeholderProblem);
  const verdict = await withMaskedInput(context, approval, input);
  const maskedProblem = maskedInputProblem(verdict.editedInput ?? null);
  if (maskedProblem) return invalidInput(['editedInput'], maskedProblem);
  let allowance = noAllowance;
  // Without a waiting call the approval is settled, and recording the decision is refused.
  if (run && call && isAllowing(verdict)) {
    const allowed = await allowCall(context, { session, run, call }, verdict);
    if (isRefusal(allowed)) return allowed;
    allowance = allowed;
  }
  const encryptedInput = call ? await encryptedInputRows(context, approval, verdict, call.input) : [];
  const entry = auditEntry(viewer, { approval, session }, input);
  const rows = [...encryptedInput, context.audit.rowOf(entry)];
  const outcome = await recordDecision(context, viewer, approval, { verdict, allowance, rows });
  if (outcome.kind === 'refused') return acceptRepetition(context, viewer, verdict, outcome.refusal);
  const { event, principal, details } = entry;
  context.logger.info({ event, principal, ...details }, 'an approval was decided');
  return { kind: 'decided', approvalId: approval.id, runId: approval.runId };
}

type VisibleApproval = NonNullable<Awaited<ReturnType<typeof visibleApproval>>>;

/** The approval and the session of its run; null when there is none that the viewer may see. */
async function visibleApproval({ database }: CommandContext, viewer: Viewer, id: string) {
  const approval = await approvalById(database, id);
  const session = approval && (await sessionForExecution(database, approval.sessionId));
  const owner = visibleOwner(viewer);
  return session && (owner === null || owner === session.owner) ? { approval, session } : null;
}

/** When this server has room for the run, the append that lets it continue also takes its lease. */
async function recordDecision(
  context: CommandContext,
  viewer: Viewer,
  approval: ApprovalRow,
  { verdict, allowance, rows }: { verdict: Verdict; allowance: Allowance; rows: RowWrite[] },
): Promise<RecordOutcome> {
  const { id: approvalId, runId, sessionId } = approval;
  const { grant } = allowance;
  return context.runStore.record({
    runId,
    sessionId,
    epoch: null,
    claim: 'waiting',
    decide(run, { now }) {
      const command = { kind: 'decideApproval', approvalId, verdict: approvalVerdict(viewer, verdict, grant) } as const;
      const decision = decide(run, command, now);
      if (isRefusal(decision)) return decision;
      return { ...decision, rows: [...rows, ...grantRows(viewer, approval, allowance, now)] };
    },
  });
}

/** Credentials that a person types into an input are masked before it is recorded, like those of a model. */
async function withMaskedInput(
  { secretStore }: CommandContext,
  { sessionId, callId }: ApprovalRow,
  verdict: Verdict,
): Promise<Verdict> {
  const { editedInput } = verdict;
  return editedInput == null
    ? verdict
    : { ...verdict, editedInput: await secretStore.mask({ sessionId, callId }, editedInput) };
}

function approvalVerdict({ principal: by }: Viewer, verdict: Verdict, grant: NewGrant | null): ApprovalVerdict {
  const reason = verdict.reason ?? null;
  if (verdict.decision === 'DENY') return { decision: 'DENY', by, reason };
  const editedInput = canonicalValue(verdict.editedInput ?? null);
  return { decision: 'ALLOW', by, scope: verdict.scope ?? 'ONCE', grant, editedInput, reason };
}

function grantRows(
  { principal }: Viewer,
  { sessionId, tool }: ApprovalRow,
  { grant, definitionHash }: Allowance,
  now: number,
): RowWrite[] {
  if (!grant) return [];
  const { grantId: id, expiresAt, target } = grant;
  return [
    insertGrant({ id, sessionId, tool, target, definitionHash, grantedBy: principal, grantedAt: now, expiresAt }),
  ];
}

/** Turns the refusal into a success when the approval was settled with the same decision. */
async function acceptRepetition(
  context: CommandContext,
  viewer: Viewer,
  verdict: Verdict,
  refusal: Refusal,
): Promise<DecidedApproval | Refusal> {
  const { approvalId } = verdict;
  const visible = await visibleApproval(context, viewer, approvalId);
  if (!visible) return notFound('approval', approvalId);
  const winning = await approvalDecisionOf(context.journal, visible.approval);
  const isSame = winning !== null && isSameDecision(winning, verdict);
  return isSame ? { kind: 'decided', approvalId, runId: visible.approval.runId } : refusal;
}

/** Who decides what about whose run, without the input and the reason. */
function auditEntry(
  viewer: Viewer,
  { approval, session: { owner } }: VisibleApproval,
  verdict: Verdict,
): AuditEntry<'approval-decided'> {
  const { id: approvalId, runId, callId, tool } = approval;
  const isEdited = verdict.editedInput != null;
  const scope = verdict.decision === 'ALLOW' ? (verdict.scope ?? 'ONCE') : null;
  const details = { decision: verdict.decision, scope, isEdited, approvalId, runId, callId, tool, owner };
  return entryOf(viewer, 'approval-decided', details);
}
