import { codeOfRefusal, type Refusal, RuntapeError } from './runtape-error.ts';
import type { Wait } from './waits/wait.ts';

interface Result {
  __typename: string;
}

/** Throws a refusal of a result union as a RuntapeError. Returns the success. */
export function accept<R extends Result>(result: R): Extract<R, { __typename: `${string}Success` }> {
  if (result.__typename.endsWith('Success')) return result as never;
  const refusal = result as unknown as Refusal & { wait?: Wait; approval?: Wait };
  // The session may be free later, and limits of rate or queue length may have room.
  const retryable = /^(SessionBusy|LimitExceeded)Error$/.test(refusal.__typename);
  const wait = refusal.wait ?? refusal.approval;
  throw new RuntapeError(codeOfRefusal(refusal.__typename), refusal.message, { refusal, retryable, wait });
}
