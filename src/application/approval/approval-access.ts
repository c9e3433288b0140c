import { invalidInput, type Refusal } from '../../domain/refusal.ts';
import type { CommandSettings, Viewer } from '../command-context.ts';

/** The owner whose approvals the viewer sees and settles; null for those of every owner. */
export function visibleOwner({ principal, scopes }: Viewer): string | null {
  return scopes.includes('approve:any') ? null : principal;
}

/** Why the viewer may not allow a tool call of this owner's run, or raise its budget; null when it may. Every viewer may deny it. */
export function separationProblem(
  { separateApprover }: Pick<CommandSettings, 'separateApprover'>,
  { principal, scopes }: Viewer,
  owner: string,
  isEdited: boolean,
): Refusal | null {
  if (!separateApprover) return null;
  if (principal === owner) {
    return invalidInput(
      ['decision'],
      'the principal who started a run may neither allow its tool calls nor raise its budgets. Ask a principal with the scope `approve:any`; you can decide DENY or cancel the run.',
    );
  }
  if (!isEdited || scopes.includes('write')) return null;
  // Otherwise one approver alone could have any call executed, which two principals are required for.
  return invalidInput(
    ['editedInput'],
    'changing the input needs the scope `write` as well while `approvals.separateApprover` is set. Decide about the input as it is, or deny the call with a reason.',
  );
}
