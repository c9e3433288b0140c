import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { POLICY_READ_SECONDS } from '../config/limits.ts';
import { startWorker } from '../worker.ts';
import { type CedarPolicy, createBuiltinPolicy, createCedarPolicy, sha256 } from './cedar-policy.ts';
import type { Policy } from './policy.ts';
import type { ReadPolicy } from './policy-text.ts';

/** Problems are lines for the operator, such as `policy.cedar:3:8: message`. */
export type OpenedPolicy = { ok: true; policy: Policy } | { ok: false; problems: string[] };

/** @param path the `policyFile`; null for the built-in policy */
export function openPolicy(path: string | null): OpenedPolicy {
  if (path === null) return { ok: true, policy: createBuiltinPolicy() };
  const file = readText(path);
  return file.ok ? openedFrom(path, createCedarPolicy(file.text)) : file;
}

/**
 * Opens a policy while a server works: reads its text in a thread of its own, because checking a thousand rules takes seconds. Resolves
 * with the current policy if that has the same text.
 */
export async function reopenPolicy(
  path: string | null,
  current: Policy,
  clock: Pick<Clock, 'sleep'>,
): Promise<OpenedPolicy> {
  if (path === null) {
    const policy = createBuiltinPolicy();
    return { ok: true, policy: policy.sha256 === current.sha256 ? current : policy };
  }
  const file = readText(path);
  if (!file.ok) return file;
  if (sha256(file.text) === current.sha256) return { ok: true, policy: current };
  const read = await readInThread(file.text, clock);
  if (read !== null) return openedFrom(path, createCedarPolicy(file.text, read));
  return { ok: false, problems: [`policyFile: ${path} could not be checked within ${POLICY_READ_SECONDS} seconds`] };
}

function readText(path: string): { ok: true; text: string } | { ok: false; problems: string[] } {
  try {
    return { ok: true, text: readFileSync(path, 'utf8') };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const problem = `policyFile: ${path} cannot be read: ${reason}. Check the path and its permissions`;
    return { ok: false, problems: [problem] };
  }
}

function openedFrom(path: string, created: CedarPolicy): OpenedPolicy {
  if (created.ok) return created;
  const problems = created.problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
  return { ok: false, problems };
}

/** Null if it takes too long. */
async function readInThread(text: string, clock: Pick<Clock, 'sleep'>): Promise<ReadPolicy | null> {
  const worker = await startWorker('policy-worker', import.meta.url, {});
  const answered = new AbortController();
  const { signal } = answered;
  try {
    const answer = once(worker, 'message', { signal });
    worker.postMessage(text);
    const late = clock.sleep(POLICY_READ_SECONDS * 1000, signal).then(() => null);
    const outcome = await Promise.race([answer, late]);
    return outcome === null ? null : (outcome[0] as ReadPolicy);
  } finally {
    answered.abort();
    await worker.terminate();
  }
}

/** The policy in use, which a reload replaces. */
export interface CurrentPolicy extends Policy {
  readonly newest: Policy;
  replace(next: Policy): void;
}

export function createCurrentPolicy(initial: Policy): CurrentPolicy {
  let newest = initial;
  return {
    evaluate: (request) => newest.evaluate(request),
    get newest() {
      return newest;
    },
    get sha256() {
      return newest.sha256;
    },
    replace(next) {
      newest = next;
    },
  };
}
