import type { WaitQuery } from '../generated/documents.ts';

/** What a run waits for, as its screen shows it. */
export type WaitContent = NonNullable<WaitQuery['wait']>;
type Of<Name extends WaitContent['__typename']> = Extract<WaitContent, { __typename: Name }>;
export type ApprovalContent = Of<'Approval'>;
export type QuestionContent = Of<'Question'>;
export type ClientToolContent = Of<'ClientToolCall'>;

/** Null for a wait of another kind. */
export function approvalOf<Wait extends { __typename: string }>(
  wait: Wait,
): Extract<Wait, { __typename: 'Approval' }> | null {
  return wait.__typename === 'Approval' ? (wait as never) : null;
}
