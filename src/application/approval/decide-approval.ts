import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import { type ApprovalVerdict, decide, type NewGrant } from '../../domain/decide.ts';
import { type ApprovalScope, approvalScopes, type Json } from '../../domain/events.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';
import { type ApprovalRow, approvalById } from '../../projections/approvals.ts';
import { insertGrant } from '../../repositories/grants.ts';
import { sessionForExecution } from '../../repositories/sessions.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { AuditEntry } from '../audit/audit-log.ts';
import { entryOf, reportRefusedDecision } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput } from '../parse-input.ts';
import { evaluateCall, inputProblem, inputSizeProblem } from '../tool-calls/evaluate-call.ts';
import { agentOfRun, messageOf, toolCaller } from '../tool-calls/tool-caller.ts';
import { toolOfRun } from '../tool-calls/tools-of-run.ts';
import { expireWait } from '../wait/expire-waits.ts';
import { separationProblem, visibleOwner } from './approval-access.ts';
import { addedPlaceholderProblem, encryptedInputRows } from './decided-input.ts';
import { callWaitingFor, type OpenApproval, replaceOutdatedApproval } from './replace-approval.ts';

const schema = z
  .object({
    approvalId: z.string(),
    decision: z.enum(['ALLOW', 'DENY']),
    scope: z.enum(approvalScopes).nullish(),
    bindToTarget: z.boolean().nullish(),
    expiresInSeconds: z.int().positive('must be at least 1').max(limits.GRANT_SECONDS).nullish(),
    editedInput: z.json().optional(),
    reason: z.string().max(limits.REASON_CHARACTERS).transform(storableText).nullish(),
  })
  .refine(({ scope, expiresInSeconds }) => (scope === 'TIMEBOXED') === (expiresInSeconds != null), {
    path: ['expiresInSeconds'],
    message: 'is required with the scope TIMEBOXED and not allowed with any other',
  })
  .refine(({ decision, editedInput }) => decision === 'ALLOW' || editedInput == null, {
    path: ['editedInput'],
    message: 'is only allowed with the decision ALLOW',
  })
  .refine(({ decision, scope, bindToTarget }) => !bindToTarget || (decision === 'ALLOW' && isRemembered(scope)), {
    path: ['bindToTarget'],
    message: 'is only allowed with the decision ALLOW and the scope SESSION or TIMEBOXED',
  });

export type DecideApprovalInput = z.input<typeof schema>;
export type DecidedApproval = { kind: 'decided'; approvalId: string; runId: string };
type Verdict = z.output<typeof schema>;
type AllowingVerdict = Verdict & { decision: 'ALLOW' };

/** What a decision to allow adds to the event. */
interface Allowance {
  grant: NewGrant | null;
  definitionHash: string | null;
}

const noAllowance: Allowance = { grant: null, definitionHash: null };

/**
 * Settles an approval, once. The decision, its grant, and the resumption of the run when it was the last open approval become
 * durable together. Repeating the winning decision succeeds.
 */
export async function decideApproval(
  context: CommandContext,
  viewer: Viewer,
  raw: DecideApprovalInput,
): Promise<DecidedApproval | Refusal> {
  const parsed = parseInput(schema, raw);
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
  const verdict = withMaskedInput(context, approval, input);
  let allowance = noAllowance;
  // Without a waiting call the approval is settled, and recording the decision is refused.
  if (run && call && isAllowing(verdict)) {
    const allowed = await allow(context, { session, run, call }, verdict);
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

const isAllowing = (verdict: Verdict): verdict is AllowingVerdict => verdict.decision === 'ALLOW';

/**
 * Checks whether the call may be allowed: with the tool that the approver was shown, an input that it takes, and a policy that does
 * not deny it. If the tool has changed, another approval is requested.
 */
async function allow(
  context: CommandContext,
  open: OpenApproval,
  verdict: AllowingVerdict,
): Promise<(Allowance & { kind: 'allowance' }) | Refusal> {
  const { call } = open;
  if (await replaceOutdatedApproval(context, open)) return withdrawn(call.phase.approvalId, call.tool);
  const isEdited = verdict.editedInput != null;
  const input = isEdited ? canonicalValue(verdict.editedInput ?? null) : call.input;
  const problem =
    (await editedInputProblem(context, open, verdict.editedInput ?? null)) ??
    (await policyProblem(context, open, input, isEdited));
  if (problem) return problem;
  const grant = await newGrant(context, open, input, verdict);
  if (grant && 'kind' in grant) return grant;
  return { kind: 'allowance', grant, definitionHash: call.definitionHash };
}

const withdrawn = (approvalId: string, tool: string): Refusal => ({
  kind: 'approval-settled',
  approvalId,
  message: `Approval ${approvalId} was withdrawn: the definition of ${tool} changed after it was requested. Read the approvals of the run again.`,
});

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
function withMaskedInput(
  { secretStore }: CommandContext,
  { sessionId, callId }: ApprovalRow,
  verdict: Verdict,
): Verdict {
  const { editedInput } = verdict;
  return editedInput == null
    ? verdict
    : { ...verdict, editedInput: secretStore.mask({ sessionId, callId }, editedInput) };
}

/** The tool that the call means now, and the agent that it is called for. */
async function toolOf(context: CommandContext, { session, run, call }: OpenApproval) {
  const agent = await agentOfRun(context.database, session, run);
  return { agent, tool: toolOfRun(context, { owner: session.owner, run, agent }, call.tool) };
}

async function editedInputProblem(
  context: CommandContext,
  open: OpenApproval,
  editedInput: Json,
): Promise<Refusal | null> {
  if (editedInput === null) return null;
  const { tool } = await toolOf(context, open);
  if (!tool) {
    return invalidInput(
      ['editedInput'],
      `the tool ${open.call.tool} is not available now, so its input cannot be checked`,
    );
  }
  const problem = await inputProblem(tool, editedInput);
  return problem === null ? null : invalidInput(['editedInput'], problem);
}

/** Nobody can allow a call that policy denies by now, or denies with the edited input. */
async function policyProblem(
  context: CommandContext,
  open: OpenApproval,
  input: Json,
  isEdited: boolean,
): Promise<Refusal | null> {
  const { session, run } = open;
  const { tool, agent } = await toolOf(context, open);
  if (!tool) return null;
  const caller = toolCaller(session, agent, messageOf(run));
  const { effect, reason } = evaluateCall(context, caller, { tool, input }, { grants: [], now: context.now() });
  if (effect !== 'DENY') return null;
  return invalidInput([isEdited ? 'editedInput' : 'decision'], `policy denies this call: ${reason}`);
}

/** The grant that follows from the decision; null if it covers this call only. */
async function newGrant(
  context: CommandContext,
  open: OpenApproval,
  input: Json,
  verdict: AllowingVerdict,
): Promise<NewGrant | Refusal | null> {
  if (!isRemembered(verdict.scope)) return null;
  const { newId, now } = context;
  const { tool: name, definitionHash } = open.call;
  if (definitionHash === null) {
    const message = `the approval does not say which definition of ${name} was shown, so it covers this call only. Use the scope ONCE`;
    return invalidInput(['scope'], message);
  }
  const target = verdict.bindToTarget ? (await toolOf(context, open)).tool?.target?.(input)?.grantable : null;
  if (target === undefined) {
    return invalidInput(['bindToTarget'], `calls of ${name} have no target that a grant could be bound to`);
  }
  const seconds = verdict.expiresInSeconds ?? null;
  return { grantId: newId('grant'), expiresAt: seconds === null ? null : now() + seconds * 1000, target };
}

function isRemembered(scope: ApprovalScope | null | undefined): boolean {
  return scope === 'SESSION' || scope === 'TIMEBOXED';
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
  { approvalId, decision }: Verdict,
  refusal: Refusal,
): Promise<DecidedApproval | Refusal> {
  const visible = await visibleApproval(context, viewer, approvalId);
  if (!visible) return notFound('approval', approvalId);
  const { status, runId } = visible.approval;
  return status === (decision === 'ALLOW' ? 'ALLOWED' : 'DENIED') ? { kind: 'decided', approvalId, runId } : refusal;
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
