import type { Json, PolicyEffect, RiskLevel } from '../domain/events.ts';

/** One tool call as policy sees it. */
export interface PolicyRequest {
  /** Who owns the session; the scopes are those with which the message was sent. */
  principal: { id: string; scopes: readonly string[] };
  agent: PolicyAgent;
  session: { id: string; key: string };
  tool: PolicyTool;
  input: Json;
}

export interface PolicyAgent {
  /** Null where the gateway's own ways apply and no agent was set up. */
  id: string | null;
  name: string;
}

export interface PolicyTool {
  name: string;
  risk: RiskLevel;
  source: string;
  idempotent: boolean;
  /** Whether it is one of the agent's. */
  isOwn: boolean;
}

export interface PolicyDecision {
  effect: PolicyEffect;
  /** For people, and for the model where the call is denied. */
  reason: string;
  /** Ids of the rules that decided, in the order of the file; none where no rule says anything. */
  rules: readonly string[];
}

/**
 * Says whether a tool call runs, waits for a person, or never runs. Bothers nobody and changes nothing. The same question
 * has the same answer until the policy is changed. A rule that can not be evaluated never lets a call run.
 */
export interface Policy {
  evaluate(question: PolicyRequest): PolicyDecision;
}
