import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { StoreError } from '../../database/store-error.ts';
import { conflict, invalidInput, isRefusal, notFound, type Refusal, refuseTransition } from '../../domain/refusal.ts';
import { branchPoint } from '../../domain/session/branch-point.ts';
import { segmentsOf, visibleUpTo } from '../../domain/session/lineage.ts';
import { isTerminal } from '../../domain/transitions.ts';
import { headsOf, type RunRow, runById } from '../../projections/runs.ts';
import { lineageOf } from '../../repositories/lineage.ts';
import { titlePassages } from '../../repositories/search/index-rows.ts';
import { insertSession, type SessionRow, sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput, text } from '../parse-input.ts';

const schema = z.object({
  sessionId: z.string(),
  runId: z.string(),
  seq: z.int().nullish(),
  key: text(limits.SESSION_KEY_BYTES).nullish(),
  title: text(limits.TITLE_BYTES).nullish(),
});

export type BranchedSession = { kind: 'branched'; sessionId: string };

/**
 * A session that sees what the parent saw up to one event, and nothing later. It is one row that refers to the parent: what
 * it costs does not depend on how much there is to see.
 */
export async function branchSession(
  context: CommandContext,
  { principal: owner }: Viewer,
  raw: z.input<typeof schema>,
): Promise<BranchedSession | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { sessionId, runId, key, title } = parsed.input;
  const { database } = context;
  const parent = await sessionById(database, owner, sessionId);
  if (!parent) return notFound('session', sessionId);
  const run = await runById(database, owner, runId);
  if (!run) return notFound('run', runId);
  const point = await pointIn(context, parent, run, parsed.input.seq ?? null);
  if (isRefusal(point)) return point;
  const id = context.newId('session');
  const { agentId, useCompaction } = parent;
  const session = insertSession({
    id,
    owner,
    key: key ?? id,
    title: title ?? null,
    agentId,
    useCompaction,
    createdAt: context.now(),
    // A reset that came later than what is seen takes nothing away.
    resetTurn: parent.resetTurn < point.turn ? parent.resetTurn : 0,
    branch: { parentId: parent.id, runId, seq: point.seq, turn: point.turn },
  });
  try {
    await database.commit([session, ...titlePassages(id, title ?? null)]);
    return { kind: 'branched', sessionId: id };
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    if (!(await sessionById(database, owner, sessionId))) return notFound('session', sessionId);
    return conflict(`There is a session with the key "${key}" already.`);
  }
}

type Point = { kind: 'point'; turn: number; seq: number };

async function pointIn(
  { database, journal }: CommandContext,
  parent: SessionRow,
  { id: runId, sessionId, turn, state }: RunRow,
  asked: number | null,
): Promise<Point | Refusal> {
  const line = await lineageOf(database, parent.id);
  if (!line.some(({ id }) => id === sessionId)) return notFound('run', runId);
  if (!isTerminal(state)) return refuseTransition(runId, state, 'branch at');
  if (turn === null)
    return conflict(`Run ${runId} never began, so there is nothing to branch at: take the run before it.`);
  const seen = visibleUpTo(segmentsOf(line, 0), { sessionId, runId, turn });
  if (seen === 0) return notFound('run', runId);
  const last = seen ?? (await headsOf(database, [runId])).get(runId) ?? 1;
  if (asked === null || asked === last) return { kind: 'point', turn, seq: last };
  if (asked < 1 || asked > last)
    return invalidInput(['seq'], `must be from 1 to ${last}, the last event that can be seen`);
  const types = ['input', 'output', 'tool_result'] as const;
  const events = await journal.read(runId, { after: 0, upTo: asked, limit: limits.SPOKEN_EVENTS, types });
  return { kind: 'point', turn, seq: branchPoint(events, asked) };
}
