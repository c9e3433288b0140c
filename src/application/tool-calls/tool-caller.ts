import type { Database } from '../../database/database.ts';
import { type Metadata, readMetadata } from '../../domain/metadata.ts';
import type { Run } from '../../domain/run.ts';
import type { PolicyRequest } from '../../policy/policy.ts';
import { agentVersion, lastAgentVersion } from '../../repositories/agent-versions.ts';
import { type AgentInForce, agentInForce } from '../../repositories/agents.ts';
import type { SessionRow } from '../../repositories/sessions.ts';

/** The part of a policy request that is the same for every tool call of a run. */
export interface ToolCaller extends Pick<PolicyRequest, 'principal' | 'agent' | 'session' | 'message'> {
  /** The agent's list of tools; null for every tool. */
  tools: readonly string[] | null;
}

/** What policy knows of the message that started a run. */
interface PolicyMessage {
  /** Of the principal who sent it. */
  scopes: readonly string[];
  metadata: Metadata;
}

export function toolCaller(
  { id, key, owner, metadata: sessionMetadata }: SessionRow,
  agent: AgentInForce | null,
  { scopes, metadata }: PolicyMessage,
): ToolCaller {
  return {
    principal: { id: owner, scopes },
    agent: { id: agent?.id ?? null, name: agent?.name ?? '' },
    session: { id, key, metadata: readMetadata(sessionMetadata) },
    message: { metadata },
    tools: agent?.tools ?? null,
  };
}

export const messageOf = ({ origin, metadata }: Run): PolicyMessage => ({ scopes: origin.scopes, metadata });

/**
 * The agent of a run: the version that its first step used, even when the agent was changed or deleted since. Before the first
 * step it is the agent that the message named or its session had, in its newest version even when it was deleted since: another agent
 * could have more tools. Without one it is the session's, else the default agent. Null when there is none.
 */
export async function agentOfRun(database: Database, session: SessionRow, run: Run): Promise<AgentInForce | null> {
  if (run.agent) return agentVersion(database.reader, run.agent);
  // A run that started without an agent continues without one.
  if (run.steps > 0 || run.step.at !== 'idle') return null;
  const { agentId } = run.origin;
  const named = agentId === null ? null : await lastAgentVersion(database, session.owner, agentId);
  return named ?? agentInForce(database, session.owner, session.agentId);
}
