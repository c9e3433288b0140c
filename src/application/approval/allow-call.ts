import type { NewGrant } from '../../domain/decide.ts';
import type { Json } from '../../domain/events.ts';
import { invalidInput, type Refusal } from '../../domain/refusal.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';
import type { CommandContext } from '../command-context.ts';
import { evaluateCall, inputProblem } from '../tool-calls/evaluate-call.ts';
import { agentOfRun, messageOf, toolCaller } from '../tool-calls/tool-caller.ts';
import { toolOfRun } from '../tool-calls/tools-of-run.ts';
import { type OpenApproval, replaceOutdatedApproval } from './replace-approval.ts';
import { type AllowingVerdict, isRemembered } from './verdict.ts';

/** What a decision to allow adds to the event. */
export interface Allowance {
  grant: NewGrant | null;
  definitionHash: string | null;
}

export const noAllowance: Allowance = { grant: null, definitionHash: null };

/**
 * Checks whether the call may be allowed: with the tool that the approver was shown, an input that it takes, and a policy that does
 * not deny it. If the tool has changed, another approval is requested.
 */
export async function allowCall(
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
  const problem = await inputProblem(tool, editedInput, open.session.owner);
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
