import type { Clock } from '../clock.ts';
import { CLAIM_DELAY_MILLISECONDS } from '../config/limits.ts';
import { createOutageLog, type OutageLog } from '../logger.ts';
import type { ClaimNow } from '../run-store/execution-slot.ts';
import type { RunNotification } from '../streams/notifications/hub.ts';
import { createActiveRuns } from './active-runs.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { createExecutionSlots } from './execution-slots.ts';
import { nextForeignExpiry, releaseEndedLeases } from './leases.ts';
import { createRunClaimer } from './run-claimer.ts';

export interface Orchestrator {
  /** Starts to claim and execute runs. */
  start(): void;
  /**
   * Stops claiming, lets the steps in progress finish within the grace time, then interrupts them, and releases every lease.
   * Resolves when no run is executed here any more.
   */
  stop(graceMilliseconds: number): Promise<void>;
  /** Claims a slot for a run that is about to be recorded. Returns null unless the orchestrator is started. */
  claimNow: ClaimNow;
  /** Runs that this server executes. */
  activeCount(): number;
}

/** A lease survives two late renewals in a row. */
const TICKS_PER_LEASE = 3;

/** @param sweep settles approvals that expired, or whose tools changed; called at every renewal of the leases */
export function createOrchestrator(
  dependencies: OrchestratorDependencies,
  sweep: () => Promise<unknown>,
): Orchestrator {
  const { database, notifications, clock, settings, logger } = dependencies;
  const holder = dependencies.newId('server');
  const leaseMilliseconds = settings.leaseSeconds * 1000;
  const tickMilliseconds = leaseMilliseconds / TICKS_PER_LEASE;
  const outage = createOutageLog(logger, 'renewing leases');
  const sweeper = createBackgroundWork(sweep, createOutageLog(logger, 'expiring approvals'));
  const checker = createBackgroundWork(checkDatabase, createOutageLog(logger, 'checking the database'));
  const ticks = createTicks(clock, tickMilliseconds, tick);
  let isRunning = false;
  let unsubscribe = () => {};
  const term = () => ({ holder, now: clock.now(), leaseMilliseconds });
  const activeRuns = createActiveRuns(dependencies, {
    term,
    isStopping: () => !isRunning,
    requestClaim: (scope) => claimer.request(scope),
  });
  const occupied = () => (activeRuns.isReserved() ? settings.maxConcurrentRuns : activeRuns.count() + slots.count());
  const slots = createExecutionSlots({
    database,
    term,
    hasRoom: () => isRunning && occupied() < settings.maxConcurrentRuns,
    start: activeRuns.start,
    requestClaim: (scope) => claimer.request(scope),
  });
  const claimer = createRunClaimer(dependencies, {
    term,
    isRunning: () => isRunning,
    count: occupied,
    startingCount: activeRuns.startingCount,
    start: activeRuns.start,
  });

  async function tick(): Promise<void> {
    checker.start();
    await activeRuns.renew().then(outage.worked, outage.failed);
    if (isRunning) sweeper.start();
    claimer.request('open');
  }

  async function checkDatabase(): Promise<void> {
    await database.check();
    await releaseEndedLeases(database, clock.now());
    // A lost server's runs are claimed as soon as its lease expires, not at the next tick after that.
    const expiresIn = await nextForeignExpiry(database, holder);
    if (isRunning && expiresIn !== null && expiresIn < tickMilliseconds) claimer.requestAfter(expiresIn);
  }

  function onNotification(notification: RunNotification | null): void {
    if (notification !== null && !notification.hints.includes('work')) return;
    // The server that recorded the events claims first.
    if (!notification?.events) claimer.requestAfter(CLAIM_DELAY_MILLISECONDS);
    else if (notification.hints.includes('end')) claimer.request('waiting');
    else if (!slots.has(notification.runId)) claimer.request('open');
  }

  return {
    start() {
      isRunning = true;
      unsubscribe = notifications.onAny(onNotification);
      ticks.start();
      claimer.request('open');
    },
    async stop(graceMilliseconds) {
      isRunning = false;
      unsubscribe();
      await Promise.all([claimer.idle(), slots.settled()]);
      activeRuns.interruptAsking();
      const cancelGrace = clock.after(graceMilliseconds, activeRuns.interrupt);
      await activeRuns.settled();
      cancelGrace();
      // Until here the runs keep their leases.
      await Promise.all([ticks.stop(), checker.idle(), sweeper.idle()]);
      // Releases the leases of runs whose execution ended because the database failed.
      await activeRuns.renew().catch(outage.failed);
    },
    claimNow: slots.claim,
    activeCount: activeRuns.count,
  };
}

/** Calls `tick`, which never rejects, again and again: each time so long after the last call has resolved. */
function createTicks(clock: Clock, milliseconds: number, tick: () => Promise<void>) {
  let isStopped = false;
  let cancel = () => {};
  let ticking: Promise<void> | null = null;
  async function tickAndSchedule(): Promise<void> {
    await tick();
    if (!isStopped) start();
  }
  function start(): void {
    cancel = clock.after(milliseconds, () => {
      ticking = tickAndSchedule();
    });
  }
  return {
    start,
    /** Resolves when no call is in progress. */
    async stop() {
      isStopped = true;
      cancel();
      await ticking;
    },
  };
}

/** Works in the background, one at a time: while the database is slow or away, this must not delay the next renewal. */
function createBackgroundWork(work: () => Promise<unknown>, outage: OutageLog) {
  let working: Promise<void> | null = null;
  return {
    start() {
      working ??= work()
        .then(outage.worked, outage.failed)
        .finally(() => {
          working = null;
        });
    },
    async idle() {
      await working;
    },
  };
}
