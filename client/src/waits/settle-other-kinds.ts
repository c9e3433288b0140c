// What settles the waits that are no approvals. It is loaded when one of them is settled, because most pages have none.
import type { Requests } from '../connection/requests.ts';
import { AnswerQuestionDocument, DecideBudgetDocument, SubmitToolResultDocument } from '../generated/documents.ts';
import { mutate } from '../refusals.ts';
import type { WaitKind } from './wait.ts';

/** The method of the handle that was called, with its arguments. */
export type Settlement =
  | { method: 'allow' | 'deny'; increase?: number; reason?: string }
  | { method: 'answer'; value: unknown }
  | { method: 'decline' | 'cancel'; reason?: string }
  | { method: 'fail'; error: string };

/** A repeated equal settlement succeeds, so a lost answer is no problem. */
function send(requests: Requests, id: string, kind: WaitKind, settlement: Settlement): Promise<unknown> | null {
  const { method } = settlement;
  if (kind === 'BUDGET' && (method === 'allow' || method === 'deny')) {
    const { increase, reason } = settlement;
    const decision = method === 'allow' ? 'ALLOW' : 'DENY';
    return mutate(requests, DecideBudgetDocument, { budgetRequestId: id, decision, increase, reason });
  }
  if (kind === 'QUESTION' && method === 'answer') {
    return mutate(requests, AnswerQuestionDocument, { questionId: id, action: 'ANSWER', answer: settlement.value });
  }
  if (kind === 'QUESTION' && (method === 'decline' || method === 'cancel')) {
    const action = method === 'decline' ? 'DECLINE' : 'CANCEL';
    return mutate(requests, AnswerQuestionDocument, { questionId: id, action, reason: settlement.reason });
  }
  if (kind === 'CLIENT_TOOL' && (method === 'answer' || method === 'fail')) {
    const result = method === 'answer' ? { output: settlement.value } : { error: settlement.error };
    return mutate(requests, SubmitToolResultDocument, { clientToolCallId: id, ...result });
  }
  return null;
}

export async function settleOtherKind(requests: Requests, id: string, kind: WaitKind, settlement: Settlement) {
  const sent = send(requests, id, kind, settlement);
  if (sent === null) throw new TypeError(`${id} is a wait of the kind ${kind}, which has no "${settlement.method}".`);
  await sent;
}
