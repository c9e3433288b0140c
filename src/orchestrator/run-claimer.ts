import { createOutageLog } from '../logger.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { claimLeases, claimSuspect, type Lease, type LeaseTerm, waitingWork } from './leases.ts';

/** Claims runs that have no executor, one search at a time. */
export interface RunClaimer {
  /** Searches now, or right after the search in progress. */
  request(scope: ClaimScope): void;
  /** Searches for open runs after a delay. An earlier search that is scheduled already replaces it. */
  requestAfter(milliseconds: number): void;
  /** Resolves when no search is in progress. */
  idle(): Promise<void>;
}

/**
 * `left`: a slot became free, so a run that an earlier search left may start. `waiting`: a session became free, so any PENDING run
 * may start. `open`: any open run may lack an executor.
 */
export type ClaimScope = 'left' | 'waiting' | 'open';

/**
 * The most runs that start at the same time: with a long queue, the first of them do not wait for the last, and a new message,
 * which needs no search, waits for no more than these.
 */
const MAX_STARTING_RUNS = 64;

interface RunClaimerOptions {
  term(): LeaseTerm;
  isRunning(): boolean;
  /** Runs that use a slot. */
  count(): number;
  /** Those of them that are starting. */
  startingCount(): number;
  start(lease: Lease): void;
}

export function createRunClaimer(
  { database, clock, settings, logger }: OrchestratorDependencies,
  options: RunClaimerOptions,
): RunClaimer {
  const outage = createOutageLog(logger, 'claiming runs');
  let searching: Promise<void> | null = null;
  let requested: ClaimScope | null = null;
  /** Whether the last search may have left runs because there was no room. */
  let mayHaveLeftRuns = false;

  async function search(): Promise<void> {
    while (requested !== null && options.isRunning()) {
      const room = settings.maxConcurrentRuns - options.count();
      const limit = Math.min(room, MAX_STARTING_RUNS - options.startingCount());
      // A search costs the same for one run as for many.
      const isWorthwhile = limit > 0 && limit >= Math.min(room, MAX_STARTING_RUNS / 2);
      if (!isWorthwhile) mayHaveLeftRuns = true;
      const scope = requested;
      requested = null;
      if (!isWorthwhile) return;
      try {
        const waiting = await waitingWork(database);
        const suspects = waiting.suspects ? await claimSuspect(database, options.term()) : [];
        suspects.forEach(options.start);
        // A suspect that was started takes the room of others until it makes progress.
        const left = Math.min(limit, settings.maxConcurrentRuns - options.count());
        if (left <= 0) mayHaveLeftRuns = true;
        if (left <= 0 || (scope !== 'open' && !mayHaveLeftRuns && !waiting.pending)) return outage.worked();
        const leases = await claimLeases(database, options.term(), left);
        outage.worked();
        leases.forEach(options.start);
        mayHaveLeftRuns = leases.length === left;
        if (mayHaveLeftRuns) requested ??= 'open';
      } catch (error) {
        mayHaveLeftRuns = true;
        outage.failed(error);
      }
    }
  }

  function request(scope: ClaimScope): void {
    // A search in progress may have counted the slot as occupied.
    if (scope === 'left' && !mayHaveLeftRuns && searching === null) return;
    if (requested !== 'open') requested = scope;
    if (!options.isRunning()) return;
    searching ??= search().finally(() => {
      searching = null;
      // A request may arrive between the end of the search and this callback.
      if (requested !== null) request(requested);
    });
  }

  let scheduled: { at: number; cancel(): void } | null = null;

  function requestAfter(milliseconds: number): void {
    const at = clock.elapsed() + milliseconds;
    if (scheduled && scheduled.at <= at) return;
    scheduled?.cancel();
    const cancel = clock.after(milliseconds, () => {
      scheduled = null;
      request('open');
    });
    scheduled = { at, cancel };
  }

  return {
    request,
    requestAfter,
    async idle() {
      await searching;
    },
  };
}
