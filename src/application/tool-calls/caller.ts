import type { PolicyRequest } from '../../policy/policy.ts';
import type { AgentInForce } from '../../repositories/agents.ts';
import type { SessionRow } from '../../repositories/sessions.ts';

/** Who calls a tool: the part of a question to policy that is the same for every call of a run. */
export interface Caller extends Pick<PolicyRequest, 'principal' | 'agent' | 'session'> {
  /** The agent's list of tools; null for every tool there is. */
  tools: readonly string[] | null;
}

/** @param scopes of whoever sent the message */
export function callerOf(session: SessionRow, agent: AgentInForce | null, scopes: readonly string[]): Caller {
  const { id, key, owner } = session;
  return {
    principal: { id: owner, scopes },
    agent: { id: agent?.id ?? null, name: agent?.name ?? '' },
    session: { id, key },
    tools: agent?.tools ?? null,
  };
}
