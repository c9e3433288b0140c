import type { Json, PolicyEffect, RiskLevel } from '../domain/events.ts';

/** One tool call as policy sees it. */
export interface PolicyQuestion {
  tool: { name: string; risk: RiskLevel; source: string; idempotent: boolean };
  input: Json;
  session: { id: string; owner: string };
}

export interface PolicyAnswer {
  effect: PolicyEffect;
  /** For people, and for the model where the call is denied. */
  reason: string;
  /** The rule that decided; null for the built-in default. */
  rule: string | null;
}

/** Says whether a tool call runs, waits for a person, or never runs. Bothers nobody and changes nothing. */
export interface Policy {
  judge(question: PolicyQuestion): PolicyAnswer;
}

/** LOW risk runs unattended, the rest asks. */
export const builtinPolicy: Policy = {
  judge({ tool }) {
    return tool.risk === 'LOW'
      ? { effect: 'ALLOW', reason: `${tool.name} is of low risk and runs unattended.`, rule: null }
      : { effect: 'ASK', reason: `${tool.name} is of ${tool.risk.toLowerCase()} risk: a person decides.`, rule: null };
  },
};
