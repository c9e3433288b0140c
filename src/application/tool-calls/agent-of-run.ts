import type { Database } from '../../database/database.ts';
import type { Run } from '../../domain/run.ts';
import { type AgentInForce, agentInForce, agentVersion } from '../../repositories/agents.ts';
import type { SessionRow } from '../../repositories/sessions.ts';

/**
 * The agent that a run is made with: the version that its first step had, whatever became of the agent since. Before that
 * the one that its message named, the session's own, or the default one.
 */
export async function agentOfRun(database: Database, session: SessionRow, run: Run): Promise<AgentInForce | null> {
  if (run.agent) return agentVersion(database.reader, run.agent);
  // What has begun without an agent goes on without one.
  if (run.steps > 0 || run.step.at !== 'idle') return null;
  return agentInForce(database, session.owner, run.origin.agentId ?? session.agentId);
}
