import { readFileSync } from 'node:fs';
import { createBuiltinPolicy, createCedarPolicy } from './cedar-policy.ts';
import type { Policy } from './policy.ts';

/** A policy that can be read again while it is in use. */
export interface PolicySource {
  /** Judges by what was read last. */
  policy: Policy;
  /** Reads the file again. Where something is wrong with it, the policy stays as it was. */
  reload(): ReloadedPolicy;
}

/** Problems are lines for people, with the file and the place in front. */
export type ReloadedPolicy = { ok: true } | { ok: false; problems: string[] };
export type OpenedPolicy = { ok: true; source: PolicySource } | { ok: false; problems: string[] };

/** @param path the file of policies; null for the policy that comes with the gateway */
export function openPolicy(path: string | null): OpenedPolicy {
  if (path === null) return { ok: true, source: { policy: createBuiltinPolicy(), reload: () => ({ ok: true }) } };
  const first = readFile(path);
  if (!first.ok) return first;
  let { policy } = first;
  return {
    ok: true,
    source: {
      policy: { evaluate: (question) => policy.evaluate(question) },
      reload() {
        const again = readFile(path);
        if (!again.ok) return again;
        policy = again.policy;
        return { ok: true };
      },
    },
  };
}

type ReadFile = { ok: true; policy: Policy } | { ok: false; problems: string[] };

function readFile(path: string): ReadFile {
  try {
    const read = createCedarPolicy(readFileSync(path, 'utf8'));
    if (read.ok) return read;
    const problems = read.problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
    return { ok: false, problems };
  } catch (error) {
    return { ok: false, problems: [`policyFile names ${path}, which can not be read: ${messageOf(error)}`] };
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
