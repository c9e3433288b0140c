import { readFileSync } from 'node:fs';
import { createBuiltinPolicy, createCedarPolicy } from './cedar-policy.ts';
import type { Policy } from './policy.ts';

/** Problems are lines for the operator, such as `policy.cedar:3:8: message`. */
export type OpenedPolicy = { ok: true; policy: Policy } | { ok: false; problems: string[] };

/** @param path the `policyFile`; null for the built-in policy */
export function openPolicy(path: string | null): OpenedPolicy {
  if (path === null) return { ok: true, policy: createBuiltinPolicy() };
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

/** The policy in use, which a reload replaces. */
export interface CurrentPolicy extends Policy {
  replace(next: Policy): void;
}

export function createCurrentPolicy(initial: Policy): CurrentPolicy {
  let newest = initial;
  return {
    evaluate: (request) => newest.evaluate(request),
    get sha256() {
      return newest.sha256;
    },
    replace(next) {
      newest = next;
    },
  };
}
