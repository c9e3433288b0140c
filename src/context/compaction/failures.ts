import { REMEMBERED_FAILURES, SUMMARY_FAILURES } from '../../config/limits.ts';

/** Which runs have had their attempts at a summary. */
export interface SummaryFailures {
  mayTry(runId: string): boolean;
  failed(runId: string): void;
}

/** Kept in memory: after a restart a run may try again, which its limit of resumptions bounds. */
export function createSummaryFailures(): SummaryFailures {
  const failures = new Map<string, number>();
  return {
    mayTry: (runId) => (failures.get(runId) ?? 0) < SUMMARY_FAILURES,
    failed(runId) {
      const count = (failures.get(runId) ?? 0) + 1;
      failures.delete(runId);
      failures.set(runId, count);
      const [oldest] = failures.keys();
      if (failures.size > REMEMBERED_FAILURES && oldest !== undefined) failures.delete(oldest);
    },
  };
}
