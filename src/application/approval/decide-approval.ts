import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import { type ApprovalVerdict, decide, type NewGrant } from '../../domain/decide.ts';
import { type ApprovalScope, approvalScopes, type Json, type NewEvent } from '../../domain/events.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';
import { type ApprovalRow, approvalById } from '../../projections/approvals.ts';
import { deleteEncryptedInput, encryptedInputOf, insertEncryptedInput } from '../../repositories/encrypted-inputs.ts';
import { insertGrant } from '../../repositories/grants.ts';
import { type SessionRow, sessionForExecution } from '../../repositories/sessions.ts';
import { recordWithSlot } from '../../run-store/execution-slot.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput } from '../parse-input.ts';
import { agentOfRun } from '../tool-calls/agent-of-run.ts';
import { callerOf } from '../tool-calls/caller.ts';
import { evaluateCall } from '../tool-calls/evaluate-call.ts';
import { inputProblem } from '../tool-calls/input-problem.ts';
import { separationProblem, visibleOwner } from './approval-access.ts';
import { expireApproval } from './expire-approval.ts';

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
    message: 'is needed with the scope TIMEBOXED, and only there',
  })
  .refine(({ decision, editedInput }) => decision === 'ALLOW' || editedInput == null, {
    path: ['editedInput'],
    message: 'goes with ALLOW only',
  });

export type DecideApprovalInput = z.input<typeof schema>;
export type DecidedApproval = { kind: 'decided'; approvalId: string; runId: string };
type Answer = z.output<typeof schema>;

/**
 * Settles a question, once. The decision, its grant, and the run's going on, where it was the last question that the run
 * waited for, become durable together. The same decision again is no error.
 */
export async function decideApproval(
  context: CommandContext,
  viewer: Viewer,
  raw: DecideApprovalInput,
): Promise<DecidedApproval | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const given = parsed.input;
  const asked = await askedApproval(context, viewer, given.approvalId);
  if (!asked) return notFound('approval', given.approvalId);
  const { approval, session } = asked;
  const own = given.decision === 'ALLOW' ? separationProblem(context.settings, viewer, session.owner) : null;
  if (own) return own;
  const answer = concealed(context, approval, given);
  if (approval.status === 'PENDING' && approval.expiresAt.getTime() <= context.now()) {
    await expireApproval(context, approval);
  }
  const invalid = editedInputProblem(context, approval, answer.editedInput ?? null);
  if (invalid) return invalid;
  const forbidden = await policyProblem(context, session, approval, answer);
  if (forbidden) return forbidden;
  const sealed = await sealedRows(context, approval, answer);
  const outcome = await recordDecision(context, viewer, approval, answer, sealed);
  if (outcome.kind === 'refused') return settledAlike(context, viewer, answer, outcome.refusal);
  return { kind: 'decided', approvalId: approval.id, runId: approval.runId };
}

/** A question that the viewer may see, with the session of its run. */
async function askedApproval({ database }: CommandContext, viewer: Viewer, id: string) {
  const approval = await approvalById(database, id);
  const session = approval && (await sessionForExecution(database, approval.sessionId));
  const owner = visibleOwner(viewer);
  return session && (owner === null || owner === session.owner) ? { approval, session } : null;
}

/** Where this server has room for the run, its lease is taken with the decision that lets it go on: nobody has to look for it. */
async function recordDecision(
  context: CommandContext,
  viewer: Viewer,
  approval: ApprovalRow,
  answer: Answer,
  sealed: RowWrite[],
): Promise<RecordOutcome> {
  const { runStore: recorder, slotProvider: starter } = context;
  const { runId, sessionId } = approval;
  const grant = grantOf(context, answer);
  const verdict = verdictOf(viewer, answer, grant);
  const place = await starter.next({ runId, sessionId });
  const record = () =>
    recorder.record({
      runId,
      sessionId,
      epoch: null,
      decide(run, now) {
        const decision = decide(run, { kind: 'decideApproval', approvalId: approval.id, verdict }, now);
        if (isRefusal(decision)) return decision;
        const lease = place && goesOn(decision.events) ? [place.lease] : [];
        const granted = grant ? [grantRow(viewer, approval, grant, now)] : [];
        return { ...decision, writes: [...sealed, ...granted, ...lease] };
      },
    });
  if (!place) return record();
  return recordWithSlot(place, record, (outcome) => outcome.kind === 'recorded' && goesOn(outcome.events));
}

const goesOn = (events: readonly NewEvent[]) =>
  events.some(({ type, payload }) => type === 'status' && payload.to === 'IN_PROGRESS');

/** Credentials that a person writes into an input are not recorded either. */
function concealed({ secretStore: secrets }: CommandContext, { sessionId }: ApprovalRow, answer: Answer): Answer {
  const { editedInput } = answer;
  return editedInput == null ? answer : { ...answer, editedInput: secrets.mask(sessionId, editedInput) };
}

/** What was sealed for the model's input is replaced by what the person's needs, some of which may come out of it. */
async function sealedRows(
  { database, secretStore: secrets }: CommandContext,
  { callId, runId, sessionId }: ApprovalRow,
  { editedInput }: Answer,
): Promise<RowWrite[]> {
  if (editedInput == null) return [];
  const before = await encryptedInputOf(database.reader, callId);
  if (before !== null) secrets.decrypt({ sessionId, callId }, before);
  const sealed = secrets.encrypt({ sessionId, callId }, editedInput);
  if (sealed !== null) return [insertEncryptedInput({ callId, runId, sealed })];
  return before === null ? [] : [deleteEncryptedInput(callId)];
}

function editedInputProblem(context: CommandContext, { tool: name }: ApprovalRow, editedInput: Json): Refusal | null {
  if (editedInput === null) return null;
  const tool = context.toolbox.find(name);
  if (!tool)
    return invalidInput(['editedInput'], `The tool ${name} is not available now, so its input can not be checked.`);
  const problem = inputProblem(tool, editedInput);
  return problem === null ? null : invalidInput(['editedInput'], problem);
}

/** Policy stands above people: what it denies by now, or denies for the edited input, nobody can allow. */
async function policyProblem(
  context: CommandContext,
  session: SessionRow,
  approval: ApprovalRow,
  answer: Answer,
): Promise<Refusal | null> {
  if (answer.decision === 'DENY' || approval.status !== 'PENDING') return null;
  const { database } = context;
  const run = await context.runStore.load(approval.runId);
  const tool = context.toolbox.find(approval.tool);
  if (!run || !tool) return null;
  const caller = callerOf(session, await agentOfRun(database, session, run), run.origin.scopes);
  const isEdited = answer.editedInput != null;
  const input: Json = isEdited ? canonicalValue(answer.editedInput ?? null) : JSON.parse(approval.input);
  const { effect, reason } = evaluateCall(context.policy, caller, { tool, input }, { grants: [], now: context.now() });
  if (effect !== 'DENY') return null;
  return invalidInput([isEdited ? 'editedInput' : 'decision'], `policy denies this call: ${reason}`);
}

function grantOf({ newId, now }: CommandContext, answer: Answer): NewGrant | null {
  if (answer.decision === 'DENY' || scopeOf(answer) === 'ONCE') return null;
  const seconds = answer.expiresInSeconds ?? null;
  return { grantId: newId('grant'), expiresAt: seconds === null ? null : now() + seconds * 1000 };
}

const scopeOf = (answer: Answer): ApprovalScope => answer.scope ?? 'ONCE';

function verdictOf({ principal: by }: Viewer, answer: Answer, grant: NewGrant | null): ApprovalVerdict {
  const reason = answer.reason ?? null;
  if (answer.decision === 'DENY') return { decision: 'DENY', by, reason };
  const editedInput = canonicalValue(answer.editedInput ?? null);
  return { decision: 'ALLOW', by, scope: scopeOf(answer), grant, editedInput, reason };
}

function grantRow({ principal }: Viewer, { sessionId, tool }: ApprovalRow, grant: NewGrant, now: number) {
  const { grantId: id, expiresAt } = grant;
  return insertGrant({ id, sessionId, tool, grantedBy: principal, grantedAt: now, expiresAt });
}

/** Who decided the same as somebody before has what was wanted. */
async function settledAlike(
  context: CommandContext,
  viewer: Viewer,
  { approvalId, decision }: Answer,
  refusal: Refusal,
): Promise<DecidedApproval | Refusal> {
  const settled = await askedApproval(context, viewer, approvalId);
  if (!settled) return notFound('approval', approvalId);
  const { status, runId } = settled.approval;
  return status === (decision === 'ALLOW' ? 'ALLOWED' : 'DENIED') ? { kind: 'decided', approvalId, runId } : refusal;
}
