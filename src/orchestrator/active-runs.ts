import { type Clock, nextTurn } from '../clock.ts';
import type { Database } from '../database/database.ts';
import { isProgress } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { type Lease, type LeaseTerm, releaseLease, renewLeases } from './leases.ts';
import { createReservation } from './reservation.ts';
import type { ClaimScope } from './run-claimer.ts';
import { executeRun, type StopReason } from './run-loop.ts';

/** The runs that this server executes. */
export interface ActiveRuns {
  start(lease: Lease): void;
  /**
   * Renews all leases and stops the runs whose lease another server holds. When the database cannot be reached or does not answer,
   * the runs whose lease has expired meanwhile are stopped, because another server may hold it. Releases the leases of runs whose
   * execution ended because the database failed: nobody has to count them as lost. Rejects with a StoreError.
   */
  renew(): Promise<void>;
  /** Aborts every step in progress. */
  interrupt(): void;
  /** Aborts the steps whose tools wait for answers of persons, which take longer than any grace time. */
  interruptAsking(): void;
  /** Resolves when the runs that were started so far have stopped. */
  settled(): Promise<void>;
  /** Runs that use a slot: those whose tools wait for answers use none. */
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
  /** Searches for runs: a slot has become free, or there may be a run that nobody executes. */
  requestClaim(scope: ClaimScope): void;
  term(): LeaseTerm;
}

export function createActiveRuns(dependencies: OrchestratorDependencies, options: ActiveRunsOptions): ActiveRuns {
  const { database, notifications, clock, logger } = dependencies;
  // A set and not a map by run: a suspended run can be claimed again before its first execution has returned.
  const active = new Set<ActiveRun>();
  const starting = new Set<ActiveRun>();
  const asking = createAskingRuns(options);
  /** Leases of runs whose execution ended because the database failed. */
  const unreleased: Lease[] = [];
  const reservation = createReservation({
    clock,
    leaseMilliseconds: () => options.term().leaseMilliseconds,
    onEnd: () => options.requestClaim('waiting'),
  });

  function markStarted(run: ActiveRun): void {
    if (starting.delete(run)) options.requestClaim('left');
  }

  function reserveFor(run: ActiveRun, lease: Lease, signal: AbortSignal): Promise<void> {
    const others = [...active].filter((other) => other !== run);
    return reservation.begin(
      lease,
      others.map(({ done }) => done),
      signal,
    );
  }

  return {
    start(lease) {
      const controller = new AbortController();
      const abort = (reason: StopReason) => controller.abort(reason);
      const onAsking = (isAsking: boolean) => asking.change(run, isAsking);
      const unsubscribe = notifications.onRun(lease.runId, (notification) => {
        if (notification === null) return abortIfEnded(dependencies, lease.runId, abort);
        if (notification.hints.includes('end')) abort('ended');
        if (notification.events?.some(({ type }) => type !== 'input' && type !== 'status')) markStarted(run);
        if (lease.suspicion > 0 && notification.events?.some(isProgress)) {
          reservation.end(lease);
          options.requestClaim('waiting');
        }
      });
      const leaseEndsAt = clock.elapsed() + options.term().leaseMilliseconds;
      const run: ActiveRun = { runId: lease.runId, leaseEndsAt, abort, onEnd: [unsubscribe], done: Promise.resolve() };
      active.add(run);
      starting.add(run);
      run.onEnd.push(clock.after(STARTING_MILLISECONDS, () => markStarted(run)));
      const control = { signal: controller.signal, isStopping: options.isStopping, onAsking };
      const execute = () => executeRun(dependencies, lease, control);
      run.done = (lease.suspicion > 0 ? reserveFor(run, lease, controller.signal).then(execute) : execute())
        .catch((error: unknown) => {
          logger.error({ err: error, runId: lease.runId }, 'the execution of a run failed');
          unreleased.push(lease);
        })
        .finally(() => {
          active.delete(run);
          starting.delete(run);
          asking.change(run, false);
          for (const end of run.onEnd) end();
          reservation.end(lease);
          // When the run ended, its session became free, and a search for the next run began.
          const hasEnded = controller.signal.reason === ('ended' satisfies StopReason);
          options.requestClaim(hasEnded && lease.suspicion === 0 ? 'left' : 'waiting');
        });
    },
    async renew() {
      if (active.size > 0) await renewAll([...active], database, clock, options.term());
      const leases = [...unreleased];
      if (leases.length === 0) return;
      await database.commit(leases.map(releaseLease));
      unreleased.splice(0, leases.length);
    },
    interrupt() {
      for (const { abort } of active) abort('shutdown');
    },
    interruptAsking: asking.interrupt,
    async settled() {
      await Promise.all([...active].map(({ done }) => done));
    },
    count: () => active.size - asking.count(),
    startingCount: () => starting.size,
    isReserved: reservation.isHeld,
  };
}

/** The runs whose tools wait for answers of persons. */
function createAskingRuns({ isStopping, requestClaim }: Pick<ActiveRunsOptions, 'isStopping' | 'requestClaim'>) {
  const asking = new Set<ActiveRun>();
  return {
    count: () => asking.size,
    change(run: ActiveRun, isAsking: boolean) {
      if (!isAsking) return void asking.delete(run);
      asking.add(run);
      if (isStopping()) run.abort('shutdown');
      requestClaim('left');
    },
    interrupt() {
      for (const { abort } of asking) abort('shutdown');
    },
  };
}

/** See `ActiveRuns.renew`. */
async function renewAll(runs: readonly ActiveRun[], database: Database, clock: Clock, term: LeaseTerm): Promise<void> {
  const startedAt = clock.elapsed();
  const cancelTimers = database.isShared ? runs.map((run) => stopWhenExpired(run, clock)) : [];
  try {
    const runIds = runs.map(({ runId }) => runId);
    const held = await renewLeases(database, term, runIds);
    for (const run of runs) {
      if (held.has(run.runId)) run.leaseEndsAt = startedAt + term.leaseMilliseconds;
      else run.abort('lease-lost');
    }
  } catch (error) {
    for (const run of runs) stopIfExpired(run, clock);
    throw error;
  } finally {
    for (const cancel of cancelTimers) cancel();
  }
}

/** A database that is away may take longer to fail than the lease lasts. */
function stopWhenExpired(run: ActiveRun, clock: Clock): () => void {
  const left = run.leaseEndsAt - clock.elapsed();
  // This process was suspended. The answer tells whether another server took the run.
  if (left <= 0) return () => undefined;
  // An answer that has arrived already is processed first.
  return clock.after(left, () => void nextTurn().then(() => stopIfExpired(run, clock)));
}

function stopIfExpired({ leaseEndsAt, abort }: ActiveRun, clock: Clock): void {
  if (leaseEndsAt <= clock.elapsed()) abort('lease-lost');
}

/** After lost notifications: the run may have ended without a notification. */
function abortIfEnded({ runStore, logger }: OrchestratorDependencies, runId: string, abort: ActiveRun['abort']): void {
  runStore
    .load(runId)
    .then((run) => run && isTerminal(run.state.status) && abort('ended'))
    .catch((error: unknown) => logger.warn({ err: error, runId }, 'the state of an active run could not be read'));
}
