import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { StoreError } from '../../database/store-error.ts';
import { readMetadata } from '../../domain/metadata.ts';
import { conflict, invalidInput, isRefusal, notFound, type Refusal, refuseTransition } from '../../domain/refusal.ts';
import { branchPoint, segmentsOf, visibleUpTo } from '../../domain/session.ts';
import { isTerminal } from '../../domain/transitions.ts';
import { headsOf, type RunRow, runById } from '../../projections/runs.ts';
import { recordSessionChange } from '../../repositories/activity.ts';
import { lineageOf } from '../../repositories/lineage.ts';
import {
  insertSession,
  metadataRows,
  type SessionRow,
  sessionById,
  titlePassages,
} from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { idempotencyKeyField, idempotencyRows, performOnce } from '../idempotency.ts';
import { parseInput, text } from '../parse-input.ts';

const schema = z.object({
  sessionId: z.string(),
  runId: z.string(),
  seq: z.int().nullish(),
  key: text(limits.SESSION_KEY_BYTES).nullish(),
  title: text(limits.TITLE_BYTES).nullish(),
  idempotencyKey: idempotencyKeyField,
});

export type BranchedSession = { kind: 'branched'; sessionId: string };

/**
 * Creates a session that sees what its parent saw up to one event, and nothing later. It is one row that refers to the parent,
 * so the cost does not depend on the length of the history.
 */
export async function branchSession(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
): Promise<BranchedSession | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const mutation = { name: 'branchSession', input: parsed.input } as const;
  try {
    return await performOnce<BranchedSession | Refusal>(context, viewer, mutation, {
      perform: () => createBranch(context, viewer, parsed.input),
      repeat: ({ resultId }) => ({ kind: 'branched', sessionId: resultId }),
    });
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    const { sessionId, key } = parsed.input;
    if (!(await sessionById(context.database, viewer.principal, sessionId))) return notFound('session', sessionId);
    const overQuota = await context.quotas.check(viewer.principal, { session: true });
    if (overQuota) return overQuota;
    return conflict(`A session with the key "${key}" exists already.`);
  }
}

async function createBranch(
  context: CommandContext,
  viewer: Viewer,
  input: z.output<typeof schema>,
): Promise<BranchedSession | Refusal> {
  const { sessionId, runId, key, title } = input;
  const { database } = context;
  const { principal: owner } = viewer;
  const parent = await sessionById(database, owner, sessionId);
  if (!parent) return notFound('session', sessionId);
  const run = await runById(database, owner, runId);
  if (!run) return notFound('run', runId);
  const point = await findBranchPoint(context, parent, run, input.seq ?? null);
  if (isRefusal(point)) return point;
  const overQuota = await context.quotas.check(owner, { session: true });
  if (overQuota) return overQuota;
  const id = context.newId('session');
  const { agentId, useCompaction } = parent;
  const metadata = readMetadata(parent.metadata);
  const createdAt = context.now();
  const session = insertSession({
    id,
    owner,
    key: key ?? id,
    title: title ?? null,
    agentId,
    useCompaction,
    metadata,
    createdAt,
    // A reset of the parent after the branch point does not hide what the branch sees.
    resetTurn: parent.resetTurn < point.turn ? parent.resetTurn : 0,
    branch: { parentId: parent.id, runId, seq: point.seq, turn: point.turn },
  });
  const result = { resultId: id, sessionId: id, seq: null };
  const keyRows = idempotencyRows(context, viewer, { name: 'branchSession', input }, result);
  await database.commit([
    session,
    ...context.quotas.sessionRows(owner),
    ...titlePassages(id, title ?? null),
    ...metadataRows({ id, owner }, metadata),
    ...keyRows,
    recordSessionChange('SESSION_CREATED', { sessionId: id, at: createdAt }),
  ]);
  context.notifications.publishSession(id);
  return { kind: 'branched', sessionId: id };
}

type Point = { kind: 'point'; turn: number; seq: number };

/** The position at which the branch leaves the run. */
async function findBranchPoint(
  { database, journal }: CommandContext,
  parent: SessionRow,
  { id: runId, sessionId, turn, state }: RunRow,
  requestedSeq: number | null,
): Promise<Point | Refusal> {
  const lineage = await lineageOf(database, parent.id);
  if (!lineage.some(({ id }) => id === sessionId)) return notFound('run', runId);
  if (!isTerminal(state)) return refuseTransition(runId, state, 'branch at');
  if (turn === null) return conflict(`Run ${runId} never started. Branch at the run before it.`);
  const visible = visibleUpTo(segmentsOf(lineage, 0), { sessionId, runId, turn });
  if (visible === 0) return notFound('run', runId);
  const last = visible ?? (await headsOf(database, [runId])).get(runId) ?? 1;
  if (requestedSeq === null || requestedSeq === last) return { kind: 'point', turn, seq: last };
  if (requestedSeq < 1 || requestedSeq > last) {
    return invalidInput(['seq'], `must be between 1 and ${last}, the last visible event of the run`);
  }
  const types = ['input', 'output', 'tool_result'] as const;
  const events = await journal.read(runId, { after: 0, upTo: requestedSeq, limit: limits.MESSAGE_EVENTS, types });
  return { kind: 'point', turn, seq: branchPoint(events, requestedSeq) };
}
