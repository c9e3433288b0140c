import type { Client } from '../../database/database.ts';
import type { PolicyQuestion } from '../../policy/policy.ts';
import { type AgentRow, agentInForce } from '../../projections/agents.ts';
import type { SessionRow } from '../../projections/sessions.ts';

/** Who calls a tool: the part of a question to policy that is the same for every call of a run. */
export interface Caller extends Pick<PolicyQuestion, 'principal' | 'agent' | 'session'> {
  /** The agent's list of tools; null for every tool there is. */
  tools: readonly string[] | null;
}

/**
 * @param agentId the one that the message named; the session's own, or the default one, where it named none
 * @param scopes of whoever sent the message
 */
export async function callerOf(
  reader: Client,
  session: SessionRow,
  agentId: string | null,
  scopes: readonly string[],
): Promise<{ caller: Caller; agent: AgentRow | null }> {
  const { id, key, owner } = session;
  const agent = await agentInForce(reader, owner, agentId ?? session.agentId);
  const caller: Caller = {
    principal: { id: owner, scopes },
    agent: { id: agent?.id ?? null, name: agent?.name ?? '' },
    session: { id, key },
    tools: agent?.tools ?? null,
  };
  return { caller, agent };
}
