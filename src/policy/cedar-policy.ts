import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { preparsePolicySet, type Response, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { type CedarRequest, cedarRequest } from './cedar-request.ts';
import { cacheDecisions } from './decision-cache.ts';
import type { Policy, PolicyDecision, PolicyTool } from './policy.ts';
import { type PolicyProblem, type PolicyRule, readCheckedPolicy, readPolicy } from './policy-text.ts';

export type CedarPolicy = { ok: true; policy: Policy } | { ok: false; problems: PolicyProblem[] };

/**
 * A policy from Cedar text. Not permitted to be called: DENY. Permitted to be called unattended: ALLOW. Otherwise: ASK.
 * A rule that can not be evaluated denies the call; one for calling unattended leaves it to a person.
 */
export function createCedarPolicy(text: string): CedarPolicy {
  const read = readPolicy(text);
  return read.ok ? { ok: true, policy: policyOf(text, read.rules) } : read;
}

/** The policy that comes with the gateway; its tests check it. */
export function createBuiltinPolicy(): Policy {
  const text = readFileSync(new URL('./builtin.cedar', import.meta.url), 'utf8');
  const read = readCheckedPolicy(text);
  if (!read.ok) throw new Error(`builtin.cedar: ${read.problems[0]?.message}`);
  return policyOf(text, read.rules);
}

function policyOf(text: string, rules: readonly PolicyRule[]): Policy {
  // Cedar keeps parsed policies under a name for as long as the process lives; the same text shares one.
  const setId = createHash('sha256').update(text).digest('hex');
  const staticPolicies = Object.fromEntries(rules.map((rule) => [rule.id, rule.text]));
  const kept = preparsePolicySet(setId, { staticPolicies });
  if (kept.type === 'failure') throw new Error(kept.errors.map(({ message }) => message).join('; '));
  const ask = askUnder(setId, rules);
  return cacheDecisions({
    evaluate(question) {
      const { tool } = question;
      const request = cedarRequest(question);
      const call = ask('call', request);
      if (call.error) return inError('DENY', call.error);
      if (!call.allowed) return said('DENY', call.rules, `No rule permits the call of ${tool.name}.`);
      const unattended = ask('callUnattended', request);
      if (unattended.error) return inError('ASK', unattended.error);
      return unattended.allowed
        ? said('ALLOW', unattended.rules, `${tool.name} may run without asking.`)
        : said('ASK', unattended.rules, leftToAPerson(tool));
    },
  });
}

/** What Cedar said to one question; the rules are those that decided. */
interface Outcome {
  allowed: boolean;
  rules: PolicyRule[];
  error: { rule: PolicyRule | null; message: string } | null;
}

function askUnder(preparsedPolicySetId: string, rules: readonly PolicyRule[]) {
  return (action: 'call' | 'callUnattended', request: CedarRequest): Outcome => {
    const answer = statefulIsAuthorized({
      ...request,
      action: { type: 'Action', id: action },
      preparsedPolicySetId,
    });
    if (answer.type === 'failure') {
      const message = answer.errors.map((error) => error.message).join('; ');
      return { allowed: false, rules: [], error: { rule: null, message } };
    }
    return outcomeOf(rules, answer.response);
  };
}

function outcomeOf(rules: readonly PolicyRule[], { decision, diagnostics }: Response): Outcome {
  const [failed] = diagnostics.errors;
  return {
    allowed: decision === 'allow',
    rules: rules.filter(({ id }) => diagnostics.reason.includes(id)),
    error: failed
      ? { rule: rules.find(({ id }) => id === failed.policyId) ?? null, message: failed.error.message }
      : null,
  };
}

function said(effect: PolicyDecision['effect'], rules: readonly PolicyRule[], otherwise: string): PolicyDecision {
  const reasons = rules.flatMap(({ reason }) => reason ?? []);
  const named =
    rules.length === 0 || effect !== 'DENY' ? otherwise : `Forbidden by ${rules.map(({ id }) => id).join(', ')}.`;
  return { effect, rules: rules.map(({ id }) => id), reason: reasons.length > 0 ? reasons.join(' ') : named };
}

function inError(effect: 'DENY' | 'ASK', { rule, message }: NonNullable<Outcome['error']>): PolicyDecision {
  const subject = rule ? `The rule ${rule.id}` : 'The policy';
  return { effect, rules: rule ? [rule.id] : [], reason: `${subject} could not be evaluated: ${message}.` };
}

function leftToAPerson({ name, risk }: PolicyTool): string {
  return `${name} is of ${risk.toLowerCase()} risk, and no rule lets it run without asking.`;
}
