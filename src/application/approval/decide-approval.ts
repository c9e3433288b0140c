import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import { type ApprovalVerdict, decide, type NewGrant } from '../../domain/decide.ts';
import { type ApprovalScope, approvalScopes, type Json } from '../../domain/events.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { digestPlaceholder, placeholdersOf } from '../../domain/secrets/mask.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';
import { type ApprovalRow, approvalById } from '../../projections/approvals.ts';
import { deleteEncryptedInput, encryptedInputOf, insertEncryptedInput } from '../../repositories/encrypted-inputs.ts';
import { insertGrant } from '../../repositories/grants.ts';
import { type SessionRow, sessionForExecution } from '../../repositories/sessions.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput } from '../parse-input.ts';
import { evaluateCall, inputProblem, inputSizeProblem } from '../tool-calls/evaluate-call.ts';
import { agentOfRun, toolCaller } from '../tool-calls/tool-caller.ts';
import { separationProblem, visibleOwner } from './approval-access.ts';
import { expireApproval } from './expire-approvals.ts';

const schema = z
  .object({
    approvalId: z.string(),
    decision: z.enum(['ALLOW', 'DENY']),
    scope: z.enum(approvalScopes).nullish(),
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
  });

export type DecideApprovalInput = z.input<typeof schema>;
export type DecidedApproval = { kind: 'decided'; approvalId: string; runId: string };
type Verdict = z.output<typeof schema>;

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
  const { approval, session } = visible;
  if (parsed.input.decision === 'ALLOW') {
    const problem = separationProblem(context.settings, viewer, session.owner);
    if (problem) return problem;
  }
  const typedProblem = typedInputProblem(approval, parsed.input);
  if (typedProblem) return typedProblem;
  const verdict = withMaskedInput(context, approval, parsed.input);
  if (approval.status === 'PENDING' && approval.expiresAt.getTime() <= context.now()) {
    await expireApproval(context, approval);
  }
  const problem =
    editedInputProblem(context, approval, verdict.editedInput ?? null) ??
    (await policyProblem(context, session, approval, verdict));
  if (problem) return problem;
  const outcome = await recordDecision(context, viewer, approval, verdict);
  if (outcome.kind === 'refused') return acceptRepetition(context, viewer, verdict, outcome.refusal);
  return { kind: 'decided', approvalId: approval.id, runId: approval.runId };
}

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
  verdict: Verdict,
): Promise<RecordOutcome> {
  const { id: approvalId, runId, sessionId } = approval;
  const grant = newGrant(context, verdict);
  const encryptedInput = await encryptedInputRows(context, approval, verdict);
  return context.runStore.record({
    runId,
    sessionId,
    epoch: null,
    claim: 'waiting',
    decide(run, { now }) {
      const command = { kind: 'decideApproval', approvalId, verdict: approvalVerdict(viewer, verdict, grant) } as const;
      const decision = decide(run, command, now);
      if (isRefusal(decision)) return decision;
      return { ...decision, rows: [...encryptedInput, ...(grant ? [grantRow(viewer, approval, grant, now)] : [])] };
    },
  });
}

/** What is wrong with an edited input before it is masked, which takes time for a long one and adds placeholders. */
function typedInputProblem({ input }: ApprovalRow, { editedInput }: Verdict): Refusal | null {
  if (editedInput == null) return null;
  const problem = inputSizeProblem(editedInput) ?? addedPlaceholderProblem(input, editedInput);
  return problem === null ? null : invalidInput(['editedInput'], problem);
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

/**
 * The encrypted credentials of the input that is allowed: those of the model's input that are still in it, those that the
 * approver typed, and those of other calls, which the approver saw and allowed.
 */
async function encryptedInputRows(
  { database, secretStore }: CommandContext,
  { callId, runId, sessionId, input: recordedInput }: ApprovalRow,
  { decision, editedInput }: Verdict,
): Promise<RowWrite[]> {
  if (decision === 'DENY') return [];
  const call = { sessionId, callId };
  const input: Json = editedInput ?? JSON.parse(recordedInput);
  const before = await encryptedInputOf(database.reader, callId);
  if (before !== null) secretStore.decrypt(call, before);
  secretStore.adopt(call, input);
  const encrypted = secretStore.encrypt(call, input);
  if (encrypted !== null) return [insertEncryptedInput({ callId, runId, encrypted })];
  return before === null || editedInput == null ? [] : [deleteEncryptedInput(callId)];
}

function editedInputProblem(context: CommandContext, { tool: name }: ApprovalRow, editedInput: Json): Refusal | null {
  if (editedInput === null) return null;
  const tool = context.toolbox.find(name);
  if (!tool) {
    return invalidInput(['editedInput'], `the tool ${name} is not available now, so its input cannot be checked`);
  }
  const problem = inputProblem(tool, editedInput);
  return problem === null ? null : invalidInput(['editedInput'], problem);
}

/** An approver can keep the placeholders of an input, and remove them, but not add credentials of other calls. */
function addedPlaceholderProblem(recordedInput: string, editedInput: Json): string | null {
  const known = new Set(recordedInput.match(digestPlaceholder));
  const added = placeholdersOf(editedInput).filter((placeholder) => !known.has(placeholder));
  if (added.length === 0) return null;
  return `${added.join(', ')} belongs to another call. Type the credential itself.`;
}

/** Nobody can allow a call that policy denies by now, or denies with the edited input. */
async function policyProblem(
  context: CommandContext,
  session: SessionRow,
  approval: ApprovalRow,
  verdict: Verdict,
): Promise<Refusal | null> {
  if (verdict.decision === 'DENY' || approval.status !== 'PENDING') return null;
  const run = await context.runStore.load(approval.runId);
  const tool = context.toolbox.find(approval.tool);
  if (!run || !tool) return null;
  const caller = toolCaller(session, await agentOfRun(context.database, session, run), run.origin.scopes);
  const isEdited = verdict.editedInput != null;
  const input: Json = isEdited ? canonicalValue(verdict.editedInput ?? null) : JSON.parse(approval.input);
  const { effect, reason } = evaluateCall(context.policy, caller, { tool, input }, { grants: [], now: context.now() });
  if (effect !== 'DENY') return null;
  return invalidInput([isEdited ? 'editedInput' : 'decision'], `policy denies this call: ${reason}`);
}

function newGrant({ newId, now }: CommandContext, verdict: Verdict): NewGrant | null {
  if (verdict.decision === 'DENY' || scopeOf(verdict) === 'ONCE') return null;
  const seconds = verdict.expiresInSeconds ?? null;
  return { grantId: newId('grant'), expiresAt: seconds === null ? null : now() + seconds * 1000 };
}

const scopeOf = (verdict: Verdict): ApprovalScope => verdict.scope ?? 'ONCE';

function approvalVerdict({ principal: by }: Viewer, verdict: Verdict, grant: NewGrant | null): ApprovalVerdict {
  const reason = verdict.reason ?? null;
  if (verdict.decision === 'DENY') return { decision: 'DENY', by, reason };
  const editedInput = canonicalValue(verdict.editedInput ?? null);
  return { decision: 'ALLOW', by, scope: scopeOf(verdict), grant, editedInput, reason };
}

function grantRow({ principal }: Viewer, { sessionId, tool }: ApprovalRow, grant: NewGrant, now: number) {
  const { grantId: id, expiresAt } = grant;
  return insertGrant({ id, sessionId, tool, grantedBy: principal, grantedAt: now, expiresAt });
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
