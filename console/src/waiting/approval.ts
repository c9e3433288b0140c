import type { WaitQuery } from '../generated/documents.ts';

/** What a run waits for, as its screen shows it. */
export type WaitContent = NonNullable<WaitQuery['wait']>;
export type ApprovalContent = Extract<WaitContent, { __typename: 'Approval' }>;

/** Null for a wait of another kind. */
export function approvalOf<Wait extends { __typename: string }>(
  wait: Wait,
): Extract<Wait, { __typename: 'Approval' }> | null {
  return wait.__typename === 'Approval' ? (wait as never) : null;
}
