import type { Requests } from './connection/requests.ts';
import type { Document } from './document.ts';
import { codeOfRefusal, type Refusal, RuntapeError } from './runtape-error.ts';
import type { Wait } from './waits/wait.ts';

interface Result {
  __typename: string;
}

type Success<R extends Result> = Extract<R, { __typename: `${string}Success` }>;

/** Throws a refusal of a result union as a RuntapeError. Returns the success. */
export function accept<R extends Result>(result: R): Success<R> {
  if (result.__typename.endsWith('Success')) return result as never;
  const refusal = result as unknown as Refusal & { wait?: Wait; approval?: Wait };
  // The session may be free later, and limits of rate or queue length may have room.
  const retryable = /^(SessionBusy|LimitExceeded)Error$/.test(refusal.__typename);
  const wait = refusal.wait ?? refusal.approval;
  throw new RuntapeError(codeOfRefusal(refusal.__typename), refusal.message, { refusal, retryable, wait });
}

/** Repeats a mutation until there is an answer: only for one with an idempotency key, or where repeating it succeeds. */
export async function mutate<R extends Result, Input extends object>(
  requests: Requests,
  document: Document<{ result: R }, { input: Input }>,
  input: Input,
): Promise<Success<R>> {
  return accept((await requests.repeat(document, { input })).result);
}
