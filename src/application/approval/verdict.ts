import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { type ApprovalScope, approvalScopes, type Json, type PayloadOf } from '../../domain/events.ts';
import { digestPlaceholder } from '../../domain/secrets/mask.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';

/** What `decideApproval` takes. */
export const verdictSchema = z
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

export type DecideApprovalInput = z.input<typeof verdictSchema>;
/** A decision as its approver sent it. */
export type Verdict = z.output<typeof verdictSchema>;
export type AllowingVerdict = Verdict & { decision: 'ALLOW' };

export const isAllowing = (verdict: Verdict): verdict is AllowingVerdict => verdict.decision === 'ALLOW';

/**
 * Whether a decision that was recorded is this one. Reasons may differ, and so may the end of a grant and the digests of placeholders,
 * which are new with each attempt and each server.
 */
export function isSameDecision(recorded: PayloadOf<'approval_decision'>, verdict: Verdict): boolean {
  if (verdict.decision === 'DENY') return recorded.status === 'DENIED';
  return (
    recorded.status === 'ALLOWED' &&
    recorded.scope === (verdict.scope ?? 'ONCE') &&
    (recorded.grantTarget !== null) === (verdict.bindToTarget ?? false) &&
    textOf(recorded.editedInput) === textOf(verdict.editedInput ?? null)
  );
}

const textOf = (input: Json) => canonicalJson(input).text.replace(digestPlaceholder, '[masked]');

/** Whether a decision with this scope is remembered as a grant. */
export function isRemembered(scope: ApprovalScope | null | undefined): boolean {
  return scope === 'SESSION' || scope === 'TIMEBOXED';
}
