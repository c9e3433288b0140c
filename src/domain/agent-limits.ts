import type { RunLimits } from './next-step.ts';

/** Bounds that an agent sets for its runs; what is null is the gateway's. */
export type AgentLimits = { [Name in keyof RunLimits]: number | null };

/** The tighter one of each bound: an agent can take from what the gateway allows and add nothing. */
export function effectiveLimits(gateway: RunLimits, agent: AgentLimits | null): RunLimits {
  if (agent === null) return gateway;
  const least = (allowed: number, wanted: number | null) => (wanted === null ? allowed : Math.min(allowed, wanted));
  return {
    maxSteps: least(gateway.maxSteps, agent.maxSteps),
    maxToolCalls: least(gateway.maxToolCalls, agent.maxToolCalls),
    runSeconds: least(gateway.runSeconds, agent.runSeconds),
    maxTokens: least(gateway.maxTokens, agent.maxTokens),
    maxCost: gateway.maxCost === null ? agent.maxCost : least(gateway.maxCost, agent.maxCost),
  };
}
