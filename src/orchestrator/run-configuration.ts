import { agentOfRun, messageOf, type ToolCaller, toolCaller } from '../application/tool-calls/tool-caller.ts';
import { clientToolsOfRun } from '../application/tool-calls/tools-of-run.ts';
import type { HistorySession } from '../context/history.ts';
import type { Budget } from '../domain/budget.ts';
import type { Json } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { effectiveLimits, type RunLimits } from '../domain/run-limits.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { AgentInForce } from '../repositories/agents.ts';
import { sessionForExecution } from '../repositories/sessions.ts';
import type { Tool } from '../tools/tool.ts';
import { selectTools } from '../tools/toolbox.ts';
import type { OrchestratorDependencies } from './dependencies.ts';

/** What one run is executed with. A reload of the configuration changes it when the run is taken up again, except for `tools`. */
export interface RunConfiguration {
  /** The models, which stay open while the run is executed. */
  catalogue: Catalogue;
  session: HistorySession;
  /** Null when the run has no agent. */
  agent: AgentInForce | null;
  /** Name of the model in the catalogue. */
  model: string;
  /** The gateway's limits, tightened by the agent's. */
  limits: RunLimits;
  budgets: readonly Budget[];
  /** The part of a policy request that is the same for every tool call of the run. */
  caller: ToolCaller;
  /** JSON Schema of the result; null if it is text. */
  outputSchema: Json | null;
  /** The tools of the agent and the client that are available now: MCP servers come and go while a run is in progress. */
  readonly tools: readonly Tool[];
}

/** Null when the session of the run was deleted. */
export async function loadRunConfiguration(
  dependencies: OrchestratorDependencies,
  run: Run,
  catalogue: Catalogue,
): Promise<RunConfiguration | null> {
  const { database, toolbox, settings } = dependencies;
  const session = await sessionForExecution(database, run.origin.sessionId);
  if (!session) return null;
  const { id, owner, parentId, resetTurn, useCompaction } = session;
  const agent = await agentOfRun(database, session, run);
  return {
    catalogue,
    session: { id, owner, parentId, resetTurn, useCompaction },
    agent,
    model: run.origin.model ?? agent?.model ?? catalogue.defaultName,
    limits: effectiveLimits(settings.limits, agent?.limits ?? null),
    budgets: settings.budgets,
    outputSchema: run.origin.outputSchema ?? agent?.outputSchema ?? null,
    caller: toolCaller(session, agent, messageOf(run)),
    get tools() {
      return [
        ...selectTools(toolbox.list(), agent?.tools ?? null),
        ...clientToolsOfRun(dependencies, { owner, run, agent }),
      ];
    },
  };
}
