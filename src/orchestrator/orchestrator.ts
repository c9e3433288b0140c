import { FOREIGN_CLAIM_MILLISECONDS } from '../config/limits.ts';
import { createOutageLog } from '../logger.ts';
import type { NotificationListener } from '../streams/notifications/hub.ts';
import { createActiveRuns } from './active-runs.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { createExecutionSlots, type ExecutionSlots } from './execution-slots.ts';
import { nextForeignExpiry } from './leases.ts';
import { createRunClaimer, type RunClaimer } from './run-claimer.ts';

export interface Orchestrator {
  /** Begins to claim and execute runs. */
  start(): void;
  /** Claims no more, lets steps under way finish within the grace time, then interrupts them and hands every lease back. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Runs in work now. */
  running(): number;
}

/** A lease survives that two renewals in a row come late. */
const TICKS_PER_LEASE = 3;

/** @param sweep settles questions that nobody answered in time */
export function createOrchestrator(environment: OrchestratorDependencies, sweep: () => Promise<unknown>): Orchestrator {
  const { store, clock, settings, logger, slotProvider: starter } = environment;
  const holder = environment.newId('server');
  const leaseMilliseconds = settings.leaseSeconds * 1000;
  const outage = createOutageLog(logger, 'renewing leases');
  let isRunning = false;
  let unsubscribe = () => {};
  let cancelTick = () => {};
  let ticking: Promise<void> | null = null;
  const term = () => ({ holder, now: clock.now(), leaseMilliseconds });
  const executions = createActiveRuns(environment, {
    term,
    stopping: () => !isRunning,
    onFree: () => claims.soon('waiting'),
  });
  const running = () => executions.count() + places.count();
  const hasRoom = () => isRunning && running() < settings.maxConcurrentRuns;
  const places = createExecutionSlots(environment, {
    term,
    hasRoom,
    start: executions.start,
    look: (what) => claims.soon(what),
  });
  const claims = createRunClaimer(environment, {
    term,
    isRunning: () => isRunning,
    running,
    starting: executions.starting,
    start: executions.start,
  });

  async function tick(): Promise<void> {
    try {
      await executions.renew();
      await sweep();
      // What a lost server leaves behind is taken up when its lease ends, not at some tick behind that.
      const end = await nextForeignExpiry(store.database, holder);
      if (end !== null && end < leaseMilliseconds / TICKS_PER_LEASE) claims.within(end);
      outage.worked();
    } catch (error) {
      outage.failed(error);
    }
    claims.soon('open');
    if (isRunning) scheduleTick();
  }

  function scheduleTick(): void {
    cancelTick = clock.after(leaseMilliseconds / TICKS_PER_LEASE, () => {
      ticking = tick();
    });
  }

  return {
    start() {
      isRunning = true;
      unsubscribe = store.notifications.onAny(lookWhenTold(claims, places));
      starter.setSource(places);
      scheduleTick();
      claims.soon('open');
    },
    async stop(graceMilliseconds) {
      isRunning = false;
      starter.setSource(null);
      unsubscribe();
      cancelTick();
      await Promise.all([claims.idle(), ticking, places.settled()]);
      const cancelGrace = clock.after(graceMilliseconds, executions.interrupt);
      await executions.settled();
      cancelGrace();
    },
    running: executions.count,
  };
}

/** When to look for runs that nobody executes. */
function lookWhenTold(claims: RunClaimer, places: ExecutionSlots): NotificationListener {
  return (wake) => {
    if (wake !== null && !wake.hints.includes('work')) return;
    // Whoever recorded it elsewhere has the first chance.
    if (!wake?.events) claims.within(FOREIGN_CLAIM_MILLISECONDS);
    else if (wake.hints.includes('end')) claims.soon('waiting');
    else if (!places.has(wake.runId)) claims.soon('open');
  };
}
