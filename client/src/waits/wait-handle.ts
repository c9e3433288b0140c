import type { Requests } from '../connection/requests.ts';
import { type ApprovalScope, DecideApprovalDocument } from '../generated/documents.ts';
import { createSource, type Readable } from '../readable.ts';
import { accept } from '../refusals.ts';
import { AnswerQuestionDocument, DecideBudgetDocument, SubmitToolResultDocument } from './later-documents.ts';
import type { Wait, WaitKind } from './wait.ts';

export interface AllowOptions {
  scope?: ApprovalScope;
  expiresInSeconds?: number;
  bindToTarget?: boolean;
  editedInput?: unknown;
  increase?: number;
}

export interface WaitHandle {
  readonly id: string;
  readonly kind: WaitKind;
  readonly data: Readable<Wait>;
  /** For approvals and budgets. A decision that lost throws with the code SETTLED and the wait as it is. */
  allow(options?: AllowOptions): Promise<void>;
  deny(reason?: string): Promise<void>;
  /** For questions and client tools. */
  answer(value: unknown): Promise<void>;
  /** For questions. */
  decline(reason?: string): Promise<void>;
  cancel(reason?: string): Promise<void>;
  /** For client tools. */
  fail(error: string): Promise<void>;
}

/** A handle whose data the list that has it keeps up to date. */
export interface OwnedWaitHandle extends WaitHandle {
  update(wait: Wait): void;
}

export function createWaitHandle(wait: Wait, requests: Requests): OwnedWaitHandle {
  const { id, kind } = wait;
  const data = createSource(wait);

  const only = (...kinds: WaitKind[]) => {
    if (!kinds.includes(kind))
      throw new TypeError(`This is for waits of the kind ${kinds.join(' or ')}, and ${id} is of the kind ${kind}.`);
  };

  // A repeated equal decision succeeds, so a lost answer is no problem.
  async function decide(decision: 'ALLOW' | 'DENY', { increase, ...options }: AllowOptions & { reason?: string }) {
    only('APPROVAL', 'BUDGET');
    const input = { decision, ...options };
    const { result } =
      kind === 'APPROVAL'
        ? await requests.repeat(DecideApprovalDocument, { input: { approvalId: id, ...input } })
        : await requests.repeat(DecideBudgetDocument, {
            input: { budgetRequestId: id, decision, increase, reason: options.reason },
          });
    accept(result);
  }

  async function settleQuestion(input: { action: 'ANSWER' | 'DECLINE' | 'CANCEL'; answer?: unknown; reason?: string }) {
    only('QUESTION');
    accept((await requests.repeat(AnswerQuestionDocument, { input: { questionId: id, ...input } })).result);
  }

  async function submit(result: { output?: unknown; error?: string }) {
    only('CLIENT_TOOL');
    accept((await requests.repeat(SubmitToolResultDocument, { input: { clientToolCallId: id, ...result } })).result);
  }

  return {
    id,
    kind,
    data,
    update: data.set,
    allow: (options = {}) => decide('ALLOW', options),
    deny: (reason) => decide('DENY', { reason }),
    answer: (value) =>
      kind === 'CLIENT_TOOL' ? submit({ output: value }) : settleQuestion({ action: 'ANSWER', answer: value }),
    decline: (reason) => settleQuestion({ action: 'DECLINE', reason }),
    cancel: (reason) => settleQuestion({ action: 'CANCEL', reason }),
    fail: (error) => submit({ error }),
  };
}
