import { nextTurn } from '../clock.ts';
import { isProgress } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { type Lease, type LeaseTerm, renewLeases } from './leases.ts';
import { executeRun, type StopReason } from './run-loop.ts';

/** The runs that this server executes. */
export interface ActiveRuns {
  start(lease: Lease): void;
  /**
   * Renews all leases and stops the runs whose lease another server holds. When the database cannot be reached or does not answer,
   * the runs whose lease has expired meanwhile are stopped, because another server may hold it. Rejects with a StoreError.
   */
  renew(): Promise<void>;
  /** Aborts every step in progress. */
  interrupt(): void;
  /** Resolves when the runs that were started so far have stopped. */
  settled(): Promise<void>;
  count(): number;
  /** Runs that have not recorded anything of a step yet, and were started only a moment ago. */
  startingCount(): number;
  /** Whether a suspect is being executed alone, so that no other run may start. */
  isReserved(): boolean;
}

/** A run that takes longer waits for something, such as a summary or an MCP server. It does not keep others from starting. */
const STARTING_MILLISECONDS = 1000;

interface ActiveRun {
  runId: string;
  /** In milliseconds of `clock.elapsed`. */
  leaseEndsAt: number;
  abort(reason: StopReason): void;
  /** Called when the execution is over. */
  onEnd: (() => void)[];
  done: Promise<void>;
}

interface ActiveRunsOptions {
  isStopping(): boolean;
  /** Called when a run has stopped or is no longer starting. */
  onFree(): void;
  term(): LeaseTerm;
}

export function createActiveRuns(dependencies: OrchestratorDependencies, options: ActiveRunsOptions): ActiveRuns {
  const { database, notifications, clock, logger } = dependencies;
  // A set and not a map by run: a suspended run can be claimed again before its first execution has returned.
  const active = new Set<ActiveRun>();
  const starting = new Set<ActiveRun>();
  let reservedFor: ActiveRun | null = null;

  function markStarted(run: ActiveRun): void {
    if (starting.delete(run)) options.onFree();
  }

  function endReservation(run: ActiveRun): void {
    if (reservedFor !== run) return;
    reservedFor = null;
    options.onFree();
  }

  /**
   * A suspect that is started while nothing else is executed stays alone until it makes progress, for one lease time at the most:
   * if the server dies meanwhile, the cause is known. One that was lost as a suspect before also waits for the others to end, for
   * the same time.
   */
  async function reserve(run: ActiveRun, { suspicion }: Lease): Promise<void> {
    const others = [...active].filter((other) => other !== run);
    if (suspicion === 1 && others.length > 0) return;
    reservedFor = run;
    const { leaseMilliseconds } = options.term();
    if (others.length > 0) {
      await Promise.race([Promise.all(others.map(({ done }) => done)), clock.sleep(leaseMilliseconds)]);
    }
    run.onEnd.push(clock.after(leaseMilliseconds, () => endReservation(run)));
  }

  function stopIfExpired({ leaseEndsAt, abort }: ActiveRun): void {
    if (leaseEndsAt <= clock.elapsed()) abort('lease-lost');
  }

  /** A database that is away may take longer to fail than the lease lasts. */
  function stopWhenExpired(run: ActiveRun): () => void {
    const left = run.leaseEndsAt - clock.elapsed();
    // This process was suspended. The answer tells whether another server took the run.
    if (left <= 0) return () => undefined;
    // An answer that has arrived already is processed first.
    return clock.after(left, () => void nextTurn().then(() => stopIfExpired(run)));
  }

  return {
    start(lease) {
      const controller = new AbortController();
      const abort = (reason: StopReason) => controller.abort(reason);
      const unsubscribe = notifications.onRun(lease.runId, (notification) => {
        if (notification === null) return abortIfEnded(dependencies, lease.runId, abort);
        if (notification.hints.includes('end')) abort('ended');
        if (notification.events?.some(({ type }) => type !== 'input' && type !== 'status')) markStarted(run);
        // The next suspect can be tried.
        if (lease.suspicion > 0 && notification.events?.some(isProgress)) {
          endReservation(run);
          options.onFree();
        }
      });
      const leaseEndsAt = clock.elapsed() + options.term().leaseMilliseconds;
      const run: ActiveRun = { runId: lease.runId, leaseEndsAt, abort, onEnd: [unsubscribe], done: Promise.resolve() };
      active.add(run);
      starting.add(run);
      run.onEnd.push(clock.after(STARTING_MILLISECONDS, () => markStarted(run)));
      const control = { signal: controller.signal, isStopping: options.isStopping };
      const execute = () => executeRun(dependencies, lease, control);
      run.done = (lease.suspicion > 0 ? reserve(run, lease).then(execute) : execute())
        .catch((error: unknown) => logger.error({ err: error, runId: lease.runId }, 'the execution of a run failed'))
        .finally(() => {
          active.delete(run);
          starting.delete(run);
          for (const end of run.onEnd) end();
          if (reservedFor === run) reservedFor = null;
          options.onFree();
        });
    },
    async renew() {
      const runs = [...active];
      if (runs.length === 0) return;
      const term = options.term();
      const startedAt = clock.elapsed();
      const cancelTimers = database.isShared ? runs.map(stopWhenExpired) : [];
      try {
        const runIds = runs.map(({ runId }) => runId);
        const held = await renewLeases(database, term, runIds);
        for (const run of runs) {
          if (held.has(run.runId)) run.leaseEndsAt = startedAt + term.leaseMilliseconds;
          else run.abort('lease-lost');
        }
      } catch (error) {
        runs.forEach(stopIfExpired);
        throw error;
      } finally {
        for (const cancel of cancelTimers) cancel();
      }
    },
    interrupt() {
      for (const { abort } of active) abort('shutdown');
    },
    async settled() {
      await Promise.all([...active].map(({ done }) => done));
    },
    count: () => active.size,
    startingCount: () => starting.size,
    isReserved: () => reservedFor !== null,
  };
}

/** After lost notifications: the run may have ended without a notification. */
function abortIfEnded({ runStore, logger }: OrchestratorDependencies, runId: string, abort: ActiveRun['abort']): void {
  runStore
    .load(runId)
    .then((run) => run && isTerminal(run.state.status) && abort('ended'))
    .catch((error: unknown) => logger.warn({ err: error, runId }, 'the state of an active run could not be read'));
}
