import { codeOfRefusal, type Refusal, RuntapeError } from './runtape-error.ts';

/** Returns the success of a result union. Throws what is a refusal as a RuntapeError. */
export function accept<Result extends { __typename: string }, Success extends Result['__typename']>(
  result: Result,
  success: Success,
): Extract<Result, { __typename: Success }> {
  if (result.__typename === success) return result as Extract<Result, { __typename: Success }>;
  const refusal = result as unknown as Refusal;
  const { __typename, message } = refusal;
  // The session may be free later, and limits of rate or queue length may have room.
  const retryable = /^(SessionBusy|LimitExceeded)Error$/.test(__typename);
  const wait = 'wait' in refusal ? refusal.wait : 'approval' in refusal ? refusal.approval : null;
  throw new RuntapeError(codeOfRefusal(__typename), message, { refusal, retryable, wait: wait as never });
}
