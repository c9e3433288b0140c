import type { Json, RiskLevel } from '../../../src/domain/events.ts';
import type { PolicyRequest } from '../../../src/policy/policy.ts';

interface RequestOptions {
  tool?: string;
  risk?: RiskLevel;
  source?: string;
  idempotent?: boolean;
  input?: Json;
  scopes?: readonly string[];
  /** Name of the agent; none by default. */
  agent?: string;
  /** Tools of the agent; all by default. */
  tools?: readonly string[];
  sessionKey?: string;
  sessionMetadata?: Record<string, string>;
  messageMetadata?: Record<string, string>;
}

/** A call of `http_fetch` by ada, with the given options. */
export function policyRequest(options: RequestOptions = {}): PolicyRequest {
  const { tool = 'http_fetch', risk = 'HIGH', source = 'builtin', idempotent = false, input = {} } = options;
  return {
    principal: { id: 'ada', scopes: options.scopes ?? ['read', 'write'] },
    agent: { id: options.agent === undefined ? null : 'agt_1', name: options.agent ?? '' },
    session: { id: 'ses_1', key: options.sessionKey ?? 'desk', metadata: options.sessionMetadata ?? {} },
    message: { metadata: options.messageMetadata ?? {} },
    tool: { name: tool, risk, source, idempotent, isOwn: options.tools?.includes(tool) ?? true },
    input,
  };
}
