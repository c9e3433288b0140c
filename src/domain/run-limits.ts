/** Bounds of one run. */
export interface RunLimits {
  maxSteps: number;
  maxToolCalls: number;
  /** Time spent working; waiting for people does not count. */
  runSeconds: number;
  /** Input and output tokens of all steps together. */
  maxTokens: number;
  /** In the currency of the model catalogue; null for no limit. */
  maxCost: number | null;
}

/** Limits that an agent sets for its runs; null means the server's limit. */
export type AgentLimits = { [Name in keyof RunLimits]: number | null };

/** Returns the lower of each pair of limits: an agent can lower the server's limits, never raise them. */
export function effectiveLimits(server: RunLimits, agent: AgentLimits | null): RunLimits {
  if (agent === null) return server;
  const lower = (allowed: number, requested: number | null) =>
    requested === null ? allowed : Math.min(allowed, requested);
  return {
    maxSteps: lower(server.maxSteps, agent.maxSteps),
    maxToolCalls: lower(server.maxToolCalls, agent.maxToolCalls),
    runSeconds: lower(server.runSeconds, agent.runSeconds),
    maxTokens: lower(server.maxTokens, agent.maxTokens),
    maxCost: server.maxCost === null ? agent.maxCost : lower(server.maxCost, agent.maxCost),
  };
}
