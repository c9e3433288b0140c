import type { Requests } from '../connection/requests.ts';
import { type ApprovalScope, DecideApprovalDocument } from '../generated/documents.ts';
import { load } from '../load.ts';
import { createSource, type Readable } from '../readable.ts';
import { mutate } from '../refusals.ts';
import type { Settlement } from './settle-other-kinds.ts';
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

  const settle = async (settlement: Settlement) =>
    (await load(import('./settle-other-kinds.ts'))).settleOtherKind(requests, id, kind, settlement);

  async function decide(method: 'allow' | 'deny', { increase, ...options }: AllowOptions & { reason?: string }) {
    if (kind !== 'APPROVAL') return settle({ method, increase, reason: options.reason });
    const input = { approvalId: id, decision: method === 'allow' ? ('ALLOW' as const) : ('DENY' as const), ...options };
    // A repeated equal decision succeeds, so a lost answer is no problem.
    await mutate(requests, DecideApprovalDocument, input);
  }

  return {
    id,
    kind,
    data,
    update: data.set,
    allow: (options = {}) => decide('allow', options),
    deny: (reason) => decide('deny', { reason }),
    answer: (value) => settle({ method: 'answer', value }),
    decline: (reason) => settle({ method: 'decline', reason }),
    cancel: (reason) => settle({ method: 'cancel', reason }),
    fail: (error) => settle({ method: 'fail', error }),
  };
}
