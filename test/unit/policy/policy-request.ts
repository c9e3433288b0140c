import type { Json, RiskLevel } from '../../../src/domain/events.ts';
import { createCedarPolicy } from '../../../src/policy/cedar-policy.ts';
import type { Policy, PolicyRequest } from '../../../src/policy/policy.ts';

interface Asked {
  tool?: string;
  risk?: RiskLevel;
  source?: string;
  idempotent?: boolean;
  input?: Json;
  scopes?: readonly string[];
  /** Name of the agent; the gateway's own ways without it. */
  agent?: string;
  /** Those of the agent; every tool there is without them. */
  tools?: readonly string[];
  sessionKey?: string;
}

/** A call of `http_fetch` by ada, or what is put in place of its parts. */
export function question(asked: Asked = {}): PolicyRequest {
  const { tool = 'http_fetch', risk = 'HIGH', source = 'builtin', idempotent = false, input = {} } = asked;
  return {
    principal: { id: 'ada', scopes: asked.scopes ?? ['read', 'write'] },
    agent: { id: asked.agent === undefined ? null : 'agt_1', name: asked.agent ?? '' },
    session: { id: 'ses_1', key: asked.sessionKey ?? 'desk' },
    tool: { name: tool, risk, source, idempotent, isOwn: asked.tools?.includes(tool) ?? true },
    input,
  };
}

/** A policy that must be right. */
export function policyOf(text: string): Policy {
  const read = createCedarPolicy(text);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.policy;
}

/** What is wrong with a policy: place and message. */
export function problemsOf(text: string): [line: number, column: number, message: string][] {
  const read = createCedarPolicy(text);
  return read.ok ? [] : read.problems.map(({ line, column, message }) => [line, column, message]);
}

/** Everything may be called; what `unattended` says may be called without asking. */
export const permitAll = '@id("any") permit (principal, action == Action::"call", resource);\n';
