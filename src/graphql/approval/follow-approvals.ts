import { timeOfId } from '../../ids.ts';
import { type ApprovalRow, approvalsByIds, openApprovals } from '../../projections/approvals.ts';
import type { FollowDependencies } from '../../streams/follow-run.ts';
import type { Following } from '../../streams/following.ts';
import { createLiveStream } from '../../streams/live-stream.ts';
import type { RunNotification } from '../../streams/notifications/hub.ts';

export interface ApprovalsRequest {
  /** Null for everybody's. */
  owner: string | null;
  /** Null for every session. */
  sessionId: string | null;
  signal: AbortSignal;
}

export interface ApprovalsDependencies
  extends Pick<FollowDependencies, 'notifications' | 'timer' | 'pollMilliseconds'> {
  reader: Parameters<typeof openApprovals>[0];
  /** Epoch milliseconds. */
  now(): number;
}

/** Rows read at a time, and changes remembered for a reader who is slower; with more, everything is looked through again. */
const PAGE = 100;
/** Clocks of servers may be this much apart. */
const CLOCK_SKEW_MILLISECONDS = 60_000;

/**
 * Every approval that waits now, oldest first, then each one when it is asked or settled, as it is by then.
 *
 *   look through what is open ──▶ live: what wake-ups with events name
 *        ▲                                    │
 *        └──── a wake-up without events, too many changes, or a poll
 *
 * The same approval is never told twice with the same status. What is kept grows with the approvals that wait, and with
 * nothing else.
 */
export function followApprovals(
  { reader, notifications: bus, timer, now, pollMilliseconds }: ApprovalsDependencies,
  { owner, sessionId, signal }: ApprovalsRequest,
): Following<ApprovalRow> {
  const news = createNews();
  const changed = new Set<string>();
  let lookAgain = true;
  let isFirst = true;
  let look: Look | null = null;
  let lookedAt = now();

  function receive(wake: RunNotification | null): boolean {
    // What the next look will find needs no remembering.
    if (lookAgain || (wake && !concerns(wake, sessionId))) return lookAgain;
    const ids = wake?.events?.flatMap(approvalIdOf) ?? [];
    for (const id of ids) changed.add(id);
    if (wake?.events && changed.size <= PAGE) return ids.length > 0;
    changed.clear();
    lookAgain = true;
    return true;
  }

  async function lookOn({ startedAt, askedSince, afterId, missing }: Look): Promise<void> {
    const rows = await openApprovals(reader, { owner, sessionId, requestedSince: askedSince, afterId, limit: PAGE });
    for (const { id } of rows) missing.delete(id);
    // What was asked and settled before the reader came is no news, only known.
    const isOld = ({ status, requestedAt }: ApprovalRow) => status !== 'PENDING' && requestedAt.getTime() <= startedAt;
    news.take(rows, isFirst ? isOld : () => false);
    if (rows.length === PAGE) {
      look = { startedAt, askedSince, afterId: rows.at(-1)?.id ?? null, missing };
      return;
    }
    // What waited and is not open any more was settled meanwhile.
    for (const id of missing) changed.add(id);
    news.forgetBefore(askedSince);
    lookedAt = startedAt;
    isFirst = false;
    look = null;
  }

  async function readChanged(): Promise<void> {
    const ids = [...changed].slice(0, PAGE);
    for (const id of ids) changed.delete(id);
    const rows = await approvalsByIds(reader, owner, ids);
    news.take(rows.sort((left, right) => (left.id < right.id ? -1 : 1)));
  }

  async function advance(): Promise<{ value: ApprovalRow; last: boolean } | null> {
    for (;;) {
      const value = news.next();
      if (value) return { value, last: false };
      if (look) await lookOn(look);
      else if (changed.size > 0) await readChanged();
      else if (lookAgain || now() - lookedAt >= pollMilliseconds) {
        lookAgain = false;
        const askedSince = lookedAt - CLOCK_SKEW_MILLISECONDS;
        look = { startedAt: now(), askedSince, afterId: null, missing: news.waiting() };
      } else return null;
    }
  }

  return createLiveStream<ApprovalRow>({
    signal,
    timer,
    pollMilliseconds,
    advance,
    subscribe: (poke) => bus.onAny((wake) => receive(wake) && poke()),
    onPoll() {
      lookAgain = true;
    },
  });
}

/** A look through everything that is open, page by page. Times are epoch milliseconds. */
interface Look {
  startedAt: number;
  askedSince: number;
  afterId: string | null;
  /** Known to wait when it began, and not met so far. */
  missing: Set<string>;
}

function concerns({ sessionId, hints: signs }: RunNotification, followed: string | null): boolean {
  return signs.includes('question') && (followed === null || sessionId === followed);
}

function approvalIdOf(event: NonNullable<RunNotification['events']>[number]): string[] {
  const isOfApproval = event.type === 'approval_request' || event.type === 'approval_decision';
  return isOfApproval ? [event.payload.approvalId] : [];
}

/** What the reader has not been told yet, and with which status each approval was. */
function createNews() {
  const told = new Map<string, ApprovalRow['status']>();
  const ready: ApprovalRow[] = [];
  return {
    next: () => ready.shift(),
    /** What was settled stays so, whatever an older read says. */
    take(rows: readonly ApprovalRow[], isOld: (row: ApprovalRow) => boolean = () => false): void {
      for (const row of rows) {
        const known = told.get(row.id);
        if (known !== undefined && (known !== 'PENDING' || row.status === 'PENDING')) continue;
        told.set(row.id, row.status);
        if (!isOld(row)) ready.push(row);
      }
    },
    waiting: () => new Set([...told].flatMap(([id, status]) => (status === 'PENDING' ? [id] : []))),
    /** A settled one that was asked before this time is met by no further look. */
    forgetBefore(time: number): void {
      for (const [id, status] of told) if (status !== 'PENDING' && timeOfId(id) < time) told.delete(id);
    },
  };
}
