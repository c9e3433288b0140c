import { type Caller, callerOf } from '../application/tool-calls/caller.ts';
import type { Run } from '../domain/run.ts';
import { sessionOfRun } from '../projections/sessions.ts';
import type { Tool } from '../tools/tool.ts';
import { selectTools } from '../tools/tool-selection.ts';
import type { Environment } from './environment.ts';

/** What a run is executed with. */
export interface RunSetting {
  session: { id: string; owner: string };
  resetTurn: number;
  model: string;
  /** Who calls the tools, as policy sees it. */
  caller: Caller;
  /** Null for the usual ones. */
  instructions: string | null;
  /** What there is at the moment of asking: servers of tools come and go while a run goes on. */
  readonly tools: readonly Tool[];
}

/** Looks up what a run is executed with; null where its session is gone. */
export async function settingOf({ store, world }: Environment, run: Run): Promise<RunSetting | null> {
  const { reader } = store.database;
  const session = await sessionOfRun(reader, run.origin.sessionId);
  if (!session) return null;
  const { id, owner, resetTurn } = session;
  const { agentId, scopes } = run.origin;
  const { caller, agent } = await callerOf(reader, session, agentId, scopes);
  return {
    session: { id, owner },
    resetTurn,
    caller,
    model: run.origin.model ?? agent?.model ?? world.catalogue.defaultName,
    instructions: agent?.instructions || null,
    get tools() {
      return selectTools(world.toolbox.list(), agent?.tools ?? null);
    },
  };
}
