import { invalidInput, type Refusal } from '../../domain/refusal.ts';
import type { CommandSettings, Viewer } from '../command-context.ts';

/** The owner whose approvals the viewer sees and settles; null for those of every owner. */
export function visibleOwner({ principal, scopes }: Viewer): string | null {
  return scopes.includes('approve:any') ? null : principal;
}

/** Why the viewer may not allow a tool call of this owner's run; null when it may. Every viewer of an approval may deny it. */
export function separationProblem(
  { separateApprover }: Pick<CommandSettings, 'separateApprover'>,
  { principal }: Viewer,
  owner: string,
): Refusal | null {
  if (!separateApprover || principal !== owner) return null;
  return invalidInput(
    ['decision'],
    'the principal who started a run may not allow its tool calls. Ask a principal with the scope `approve:any`; you can deny the call or cancel the run.',
  );
}
