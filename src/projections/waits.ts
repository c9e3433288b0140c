import type { RowWrite } from '../database/batch-statement.ts';
import type { Client } from '../database/database.ts';
import type { Wait } from '../database/generated/sqlite/client.ts';
import { defineTable } from '../database/table.ts';
import type { SequencedEvent } from '../domain/events.ts';
import { type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { Run } from '../domain/run.ts';
import { callsOf } from '../domain/step.ts';
import { statusesIn, type WaitKind, type WaitState, waitChangeOf } from '../domain/wait.ts';

export type WaitRow = Wait;

export const waits = defineTable<WaitRow>('Wait', {
  id: 'text',
  kind: '"WaitKind"',
  runId: 'text',
  sessionId: 'text',
  requestSeq: 'int',
  status: '"WaitStatus"',
  requestedAt: 'timestamp',
  expiresAt: 'timestamp',
  decidedAt: 'timestamp',
  decidedBy: 'text',
  reason: 'text',
  callId: 'text',
  tool: 'text',
  callSeq: 'int',
  definitionHash: 'text',
  editedInput: 'text',
  scope: '"ApprovalScope"',
  grantId: 'text',
});

const insertWait = waits.insert({
  order: 60,
  omit: ['editedInput', 'scope', 'grantId', 'decidedAt', 'decidedBy', 'reason'],
});
const settleWait = waits.update({
  order: 61,
  key: ['id'],
  set: ['status', 'scope', 'grantId', 'decidedAt', 'decidedBy', 'reason', 'editedInput'],
});

/** Returns the rows of the waits that the events open or settle. `run` is the fold with the events. */
export function waitRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  return events.flatMap((event) => waitRow(run, event) ?? []);
}

function waitRow(run: Run, event: SequencedEvent): RowWrite | null {
  const wait = waitChangeOf(event);
  if (wait === null) return null;
  const { id, kind, callId } = wait;
  if (wait.change === 'opened') {
    const call = callsOf(run.step).find((each) => each.callId === callId);
    return insertWait({
      id,
      kind,
      runId: run.runId,
      sessionId: run.origin.sessionId,
      requestSeq: event.seq,
      status: 'PENDING',
      requestedAt: event.recordedAt,
      expiresAt: wait.expiresAt,
      callId,
      tool: call?.tool ?? null,
      callSeq: call?.seq ?? null,
      definitionHash: event.type === 'approval_request' ? event.payload.definitionHash : null,
    });
  }
  const approval = event.type === 'approval_decision' ? event.payload : null;
  const editedInput = approval?.editedInput ?? null;
  return settleWait({
    id,
    status: wait.status,
    decidedAt: event.recordedAt,
    decidedBy: wait.decidedBy,
    reason: wait.reason,
    scope: approval?.scope ?? null,
    grantId: approval?.grantId ?? null,
    editedInput: editedInput === null ? null : JSON.stringify(editedInput),
  });
}

/** Which waits somebody may see: those of one owner's runs, and some kinds of everybody's. */
export interface WaitVisibility {
  owner: string;
  kindsOfEverybody: readonly WaitKind[];
}

function visibleTo({ owner, kindsOfEverybody }: WaitVisibility) {
  const own = { run: { session: { owner } } };
  return kindsOfEverybody.length === 0 ? own : { OR: [own, { kind: { in: [...kindsOfEverybody] } }] };
}

export function waitsByIds(reader: Client, visibility: WaitVisibility, ids: readonly string[]): Promise<WaitRow[]> {
  return reader.wait.findMany({ where: { id: { in: [...ids] }, ...visibleTo(visibility) } });
}

export interface WaitsFilter {
  kinds?: readonly WaitKind[];
  states?: readonly WaitState[];
  sessionId?: string;
  runId?: string;
}

/** A position in the order of requests. Ids alone do not have that order, because those of each kind have another prefix. */
export interface WaitPosition {
  requestedAt: Date;
  id: string;
}

/** Newest first. */
export async function pageWaits(
  reader: Client,
  visibility: WaitVisibility,
  { kinds, states, sessionId, runId }: WaitsFilter,
  page: PageArguments<WaitPosition>,
): Promise<RowPage<WaitRow>> {
  const direction = page.from === 'start' ? 'desc' : 'asc';
  const bounds = [
    ...(page.before ? [beyond(page.before, 'gt')] : []),
    ...(page.after ? [beyond(page.after, 'lt')] : []),
  ];
  const rows = await reader.wait.findMany({
    where: {
      sessionId,
      runId,
      ...(kinds ? { kind: { in: [...kinds] } } : {}),
      ...(states ? { status: { in: statusesIn(states) } } : {}),
      AND: [visibleTo(visibility), ...bounds],
    },
    orderBy: [{ requestedAt: direction }, { id: direction }],
    take: page.size + 1,
  });
  return pageOf(rows, page);
}

/** The first condition is implied by the others. It lets the database use an index. */
function beyond({ requestedAt, id }: WaitPosition, side: 'lt' | 'gt') {
  const from = side === 'lt' ? { lte: requestedAt } : { gte: requestedAt };
  return {
    requestedAt: from,
    OR: [{ requestedAt: { [side]: requestedAt } }, { requestedAt, id: { [side]: id } }],
  };
}

/** The waits of each run that are open, oldest first. */
export function openWaitsOf(reader: Client, runIds: readonly string[]): Promise<WaitRow[]> {
  return reader.wait.findMany({
    where: { runId: { in: [...runIds] }, status: 'PENDING' },
    orderBy: [{ requestedAt: 'asc' }, { id: 'asc' }],
  });
}

/** Open waits of every kind that have expired, in the order of expiry. @param except ids of waits to leave out */
export function expiredWaits(
  reader: Client,
  now: Date,
  { except, limit }: { except: readonly string[]; limit: number },
): Promise<WaitRow[]> {
  return reader.wait.findMany({
    where: { status: 'PENDING', expiresAt: { lte: now }, id: { notIn: [...except] } },
    orderBy: { expiresAt: 'asc' },
    take: limit,
  });
}
