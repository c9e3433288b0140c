import type { Json, PolicyEffect, RiskLevel } from '../domain/events.ts';
import type { Metadata } from '../domain/metadata.ts';

/** One tool call to decide on. */
export interface PolicyRequest {
  /** The owner of the session. `scopes` are those of the client that sent the message. */
  principal: { id: string; scopes: readonly string[] };
  agent: PolicyAgent;
  session: { id: string; key: string; metadata: Metadata };
  /** The message that started the run. */
  message: { metadata: Metadata };
  tool: PolicyTool;
  /** As recorded: credentials are replaced by placeholders. */
  input: Json;
}

export interface PolicyAgent {
  /** Null if the session uses the default configuration instead of an agent. */
  id: string | null;
  /** Empty if `id` is null. */
  name: string;
}

export interface PolicyTool {
  name: string;
  risk: RiskLevel;
  /** `builtin`, or the name of the MCP server. */
  source: string;
  idempotent: boolean;
  /** Whether the agent has this tool. */
  isOwn: boolean;
}

export interface PolicyDecision {
  effect: PolicyEffect;
  /** Shown to people, and to the model if the call is denied. */
  reason: string;
  /** Ids of the rules that decided, in the order of the file. Empty if no rule applies. */
  rules: readonly string[];
}

/**
 * Decides whether a tool call runs, waits for an approval, or is denied.
 *
 * `evaluate` is synchronous, asks nobody and changes nothing. Equal requests get equal decisions until the policy is reloaded.
 * A rule that cannot be evaluated never leads to ALLOW. `evaluate` throws only because of a defect of the program; the run fails.
 */
export interface Policy {
  /** Of its text, in lower-case hex. Missing if it has none. */
  readonly sha256?: string | undefined;
  evaluate(request: PolicyRequest): PolicyDecision;
}
