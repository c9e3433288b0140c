import { agentOfRun } from '../application/tool-calls/agent-of-run.ts';
import { type Caller, callerOf } from '../application/tool-calls/caller.ts';
import type { HistorySession } from '../context/history.ts';
import { effectiveLimits } from '../domain/agent-limits.ts';
import type { RunLimits } from '../domain/next-step.ts';
import type { Run } from '../domain/run.ts';
import type { AgentInForce } from '../repositories/agents.ts';
import { sessionForExecution } from '../repositories/sessions.ts';
import type { Tool } from '../tools/tool.ts';
import { selectTools } from '../tools/tool-selection.ts';
import type { OrchestratorDependencies } from './dependencies.ts';

/** What a run is executed with. */
export interface RunConfiguration {
  session: HistorySession;
  model: string;
  /** Who calls the tools, as policy sees it. */
  caller: Caller;
  /** Null where there is none. */
  agent: AgentInForce | null;
  /** The gateway's, tightened by the agent's. */
  limits: RunLimits;
  /** What there is at the moment of asking: servers of tools come and go while a run goes on. */
  readonly tools: readonly Tool[];
}

/** Looks up what a run is executed with; null where its session is gone. */
export async function loadRunConfiguration(
  { store, services: world, settings }: OrchestratorDependencies,
  run: Run,
): Promise<RunConfiguration | null> {
  const session = await sessionForExecution(store.database, run.origin.sessionId);
  if (!session) return null;
  const { id, owner, parentId, resetTurn, useCompaction } = session;
  const agent = await agentOfRun(store.database, session, run);
  return {
    session: { id, owner, parentId, resetTurn, useCompaction },
    agent,
    caller: callerOf(session, agent, run.origin.scopes),
    model: run.origin.model ?? agent?.model ?? world.catalogue.defaultName,
    limits: effectiveLimits(settings.limits, agent?.limits ?? null),
    get tools() {
      return selectTools(world.toolbox.list(), agent?.tools ?? null);
    },
  };
}
