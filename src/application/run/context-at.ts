import { MESSAGE_EVENTS } from '../../config/limits.ts';
import { type RebuiltContext, rebuildContext } from '../../context/rebuild.ts';
import type { EventOf } from '../../domain/events.ts';
import { runById } from '../../projections/runs.ts';
import { agentVersion } from '../../repositories/agent-versions.ts';
import { sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { clientToolsOfRun } from '../tool-calls/tools-of-run.ts';

export interface ContextAt extends RebuiltContext {
  event: EventOf<'context'>;
}

/** Rebuilds from the tapes what the model was shown in a step. Null when the run has no such step. */
export async function contextAt(
  context: CommandContext,
  { principal }: Viewer,
  runId: string,
  step: number,
): Promise<ContextAt | null> {
  const { database, journal, runStore, toolbox } = context;
  const run = await runById(database, principal, runId);
  const session = run && (await sessionById(database, principal, run.sessionId));
  if (!run || !session) return null;
  const contexts = await journal.read(runId, { after: 0, limit: MESSAGE_EVENTS, types: ['context'] });
  // A step that was started again has several contexts. The model answered to the last one.
  const event = contexts.findLast(
    (each): each is EventOf<'context'> => each.type === 'context' && each.payload.step === step,
  );
  if (!event) return null;
  const fold = await runStore.load(runId);
  const agent = event.payload.agent && (await agentVersion(database.reader, event.payload.agent));
  const clientTools = fold ? clientToolsOfRun(context, { owner: session.owner, run: fold, agent }) : [];
  const tools = [...toolbox.list(), ...clientTools].map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }));
  return { event, ...(await rebuildContext({ database, journal }, { session, turn: run.turn ?? 1, event, tools })) };
}
