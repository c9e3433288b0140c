import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Response } from '@cedar-policy/cedar-wasm/nodejs';
import { LRUCache } from 'lru-cache';
import { CACHED_DECISIONS, CACHED_REQUEST_CHARACTERS } from '../config/limits.ts';
import { cedar } from './cedar.ts';
import { type CedarRequest, cedarRequest } from './cedar-request.ts';
import type { Policy, PolicyDecision, PolicyTool } from './policy.ts';
import { type PolicyProblem, type PolicyRule, readCheckedPolicy, readPolicy } from './policy-text.ts';
import { withoutUnused } from './used-parts.ts';

export type CedarPolicy = { ok: true; policy: Policy } | { ok: false; problems: PolicyProblem[] };

/**
 * A policy from Cedar text. A call that is not permitted is DENY. One that is also permitted unattended is ALLOW, any other ASK.
 * If a rule cannot be evaluated, the call is denied; if it is about calling unattended, a person is asked.
 *
 * @param read what `readPolicy` returned for the text
 */
export function createCedarPolicy(text: string, read = readPolicy(text)): CedarPolicy {
  return read.ok ? { ok: true, policy: policyOf(text, read.rules) } : read;
}

/** The policy without a `policyFile`, which is parsed for the first call. A test checks its text against the schema. */
export function createBuiltinPolicy(): Policy {
  const text = readFileSync(new URL('./builtin.cedar', import.meta.url), 'utf8');
  let parsed: Policy | null = null;
  const parse = (): Policy => {
    const read = readCheckedPolicy(text);
    if (!read.ok) throw new Error(`builtin.cedar: ${read.problems[0]?.message}`);
    return policyOf(text, read.rules);
  };
  return {
    sha256: sha256(text),
    evaluate(request) {
      parsed ??= parse();
      return parsed.evaluate(request);
    },
  };
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function policyOf(text: string, rules: readonly PolicyRule[]): Policy {
  // Cedar keeps parsed policy sets by id until the process ends, so equal texts share one.
  const policySetId = sha256(text);
  const staticPolicies = Object.fromEntries(rules.map((rule) => [rule.id, rule.text]));
  const parsed = cedar().preparsePolicySet(policySetId, { staticPolicies });
  if (parsed.type === 'failure') throw new Error(parsed.errors.map(({ message }) => message).join('; '));
  const authorize = authorizerFor(policySetId, rules);
  const used = new Set(rules.flatMap(({ uses }) => [...uses]));
  const { evaluate } = cacheDecisions({
    evaluate(request) {
      const { tool } = request;
      const authorization = cedarRequest(request);
      const call = authorize('call', authorization);
      if (call.error) return errorDecision('DENY', call.error);
      if (!call.isAllowed) return denial(call.rules, tool);
      const unattended = authorize('callUnattended', authorization);
      if (unattended.error) return errorDecision('ASK', unattended.error);
      return unattended.isAllowed
        ? decision('ALLOW', unattended.rules, `${tool.name} may run without asking.`)
        : decision('ASK', unattended.rules, approvalReason(tool));
    },
  });
  return { evaluate: (request) => evaluate(withoutUnused(request, used)), sha256: policySetId };
}

/**
 * Answers equal requests from memory: the same call after an approval, and, because requests are without what no rule uses, calls that
 * the rules cannot tell apart.
 */
export function cacheDecisions(policy: Policy): Policy {
  const decisions = new LRUCache<string, PolicyDecision>({ max: CACHED_DECISIONS });
  return {
    evaluate(request) {
      const key = JSON.stringify(request);
      const cached = decisions.get(key);
      if (cached) return cached;
      const evaluated = policy.evaluate(request);
      if (key.length <= CACHED_REQUEST_CHARACTERS) decisions.set(key, evaluated);
      return evaluated;
    },
  };
}

/** Cedar's answer for one action. `rules` are those that decided. */
interface Authorization {
  isAllowed: boolean;
  rules: PolicyRule[];
  /** The rule is null if the whole request could not be evaluated. */
  error: { rule: PolicyRule | null; message: string } | null;
}

function authorizerFor(preparsedPolicySetId: string, rules: readonly PolicyRule[]) {
  return (action: 'call' | 'callUnattended', request: CedarRequest): Authorization => {
    const answer = cedar().statefulIsAuthorized({
      ...request,
      action: { type: 'Action', id: action },
      preparsedPolicySetId,
    });
    if (answer.type === 'failure') {
      const message = answer.errors.map((error) => error.message).join('; ');
      return { isAllowed: false, rules: [], error: { rule: null, message } };
    }
    return readResponse(rules, answer.response);
  };
}

function readResponse(rules: readonly PolicyRule[], { decision: effect, diagnostics }: Response): Authorization {
  const [failed] = diagnostics.errors;
  return {
    isAllowed: effect === 'allow',
    rules: rules.filter(({ id }) => diagnostics.reason.includes(id)),
    error: failed
      ? { rule: rules.find(({ id }) => id === failed.policyId) ?? null, message: failed.error.message }
      : null,
  };
}

/** The `@reason` of the rules, or `defaultReason` if they have none. */
function decision(
  effect: PolicyDecision['effect'],
  rules: readonly PolicyRule[],
  defaultReason: string,
): PolicyDecision {
  const reasons = rules.flatMap(({ reason }) => reason ?? []);
  return { effect, rules: rules.map(({ id }) => id), reason: reasons.length > 0 ? reasons.join(' ') : defaultReason };
}

function denial(rules: readonly PolicyRule[], { name }: PolicyTool): PolicyDecision {
  const ids = rules.map(({ id }) => id).join(', ');
  return decision('DENY', rules, ids === '' ? `No rule permits the call of ${name}.` : `Forbidden by ${ids}.`);
}

function errorDecision(effect: 'DENY' | 'ASK', { rule, message }: NonNullable<Authorization['error']>): PolicyDecision {
  const subject = rule ? `The rule ${rule.id}` : 'The policy';
  return { effect, rules: rule ? [rule.id] : [], reason: `${subject} could not be evaluated: ${message}.` };
}

function approvalReason({ name, risk }: PolicyTool): string {
  return `${name} is of ${risk.toLowerCase()} risk, and no rule lets it run without asking.`;
}
