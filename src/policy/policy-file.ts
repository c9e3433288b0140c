import { readFileSync } from 'node:fs';
import { createBuiltinPolicy, createCedarPolicy } from './cedar-policy.ts';
import type { Policy } from './policy.ts';

/** A policy that can be reloaded while it is in use. */
export interface PolicySource {
  /** Evaluates with the rules that were read last. */
  policy: Policy;
  /** Reads the file again. If it has a problem, the rules stay as they were. */
  reload(): ReloadedPolicy;
}

/** Problems are lines for the operator, such as `policy.cedar:3:8: message`. */
export type ReloadedPolicy = { ok: true } | { ok: false; problems: string[] };
export type OpenedPolicy = { ok: true; source: PolicySource } | { ok: false; problems: string[] };

/** @param path the `policyFile`; null for the built-in policy */
export function openPolicy(path: string | null): OpenedPolicy {
  if (path === null) return { ok: true, source: { policy: createBuiltinPolicy(), reload: () => ({ ok: true }) } };
  const first = readPolicyFile(path);
  if (!first.ok) return first;
  let { policy } = first;
  return {
    ok: true,
    source: {
      policy: { evaluate: (request) => policy.evaluate(request) },
      reload() {
        const next = readPolicyFile(path);
        if (!next.ok) return next;
        policy = next.policy;
        return { ok: true };
      },
    },
  };
}

type PolicyFileOutcome = { ok: true; policy: Policy } | { ok: false; problems: string[] };

function readPolicyFile(path: string): PolicyFileOutcome {
  try {
    const created = createCedarPolicy(readFileSync(path, 'utf8'));
    if (created.ok) return created;
    const problems = created.problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
    return { ok: false, problems };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      problems: [`policyFile: ${path} cannot be read: ${reason}. Check the path and its permissions`],
    };
  }
}
