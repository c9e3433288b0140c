import { invalidInput, type Refusal } from '../../domain/refusal.ts';
import type { CommandSettings, Viewer } from '../command-context.ts';

/** Whose questions the viewer sees and settles; null for everybody's. */
export function visibleOwner({ principal, scopes }: Viewer): string | null {
  return scopes.includes('approve:any') ? null : principal;
}

/** Why the viewer may not allow a call of this owner's run, or null. Saying no is open to everybody who sees the question. */
export function separationProblem(
  { separateApprover }: Pick<CommandSettings, 'separateApprover'>,
  { principal }: Viewer,
  owner: string,
): Refusal | null {
  if (!separateApprover || principal !== owner) return null;
  return invalidInput(
    ['decision'],
    'who started a run may not allow its calls here. Ask somebody whose token has the scope `approve:any`; you can deny it, or cancel the run.',
  );
}
