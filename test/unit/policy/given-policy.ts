import { createCedarPolicy } from '../../../src/policy/cedar-policy.ts';
import type { Policy } from '../../../src/policy/policy.ts';

/** Throws if the text has a problem. */
export function policyOf(text: string): Policy {
  const created = createCedarPolicy(text);
  if (!created.ok) throw new Error(JSON.stringify(created.problems));
  return created.policy;
}

export function problemsOf(text: string): [line: number, column: number, message: string][] {
  const created = createCedarPolicy(text);
  return created.ok ? [] : created.problems.map(({ line, column, message }) => [line, column, message]);
}

/** Permits every call, none of them unattended. */
export const permitAll = '@id("any") permit (principal, action == Action::"call", resource);\n';
