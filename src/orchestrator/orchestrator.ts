import type { Wake } from '../bus/bus.ts';
import { isTerminal } from '../domain/transitions.ts';
import { createClaims } from './claims.ts';
import type { Environment } from './environment.ts';
import { createExecutions } from './executions.ts';

export interface Orchestrator {
  /** Begins to claim and execute runs. */
  start(): void;
  /** Claims no more, lets steps under way finish within the grace time, then interrupts them and hands every lease back. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Runs in work now. */
  running(): number;
}

/** @param sweep settles questions that nobody answered in time */
export function createOrchestrator(environment: Environment, sweep: () => Promise<unknown>): Orchestrator {
  const { store, clock, settings, logger } = environment;
  const holder = environment.newId('server');
  const leaseMilliseconds = settings.leaseSeconds * 1000;
  let isRunning = false;
  let unsubscribe = () => {};
  let cancelTick = () => {};
  let ticking: Promise<void> | null = null;
  const executions = createExecutions(environment, { stopping: () => !isRunning, onFree: () => claims.soon() });
  const claims = createClaims(environment, {
    ...{ holder, isRunning: () => isRunning, running: executions.count, start: executions.start },
  });

  async function tick(): Promise<void> {
    try {
      await executions.renew(holder, new Date(clock.now() + leaseMilliseconds));
      await sweep();
    } catch (error) {
      logger.warn({ err: error }, 'leases could not be renewed');
    }
    claims.soon();
    if (isRunning) scheduleTick();
  }

  function scheduleTick(): void {
    cancelTick = clock.after(leaseMilliseconds / 3, () => {
      ticking = tick();
    });
  }

  return {
    start() {
      isRunning = true;
      unsubscribe = store.bus.onAny((wake) => {
        if (freesWork(wake)) claims.soon();
      });
      scheduleTick();
      claims.soon();
    },
    async stop(graceMilliseconds) {
      isRunning = false;
      unsubscribe();
      cancelTick();
      await Promise.all([claims.idle(), ticking]);
      const cancelGrace = clock.after(graceMilliseconds, executions.interrupt);
      await executions.settled();
      cancelGrace();
    },
    running: executions.count,
  };
}

/** Whether a wake-up tells of work for some executor: a new message, a run that goes on, or a session that is free again. */
function freesWork({ events }: Wake): boolean {
  if (events === null) return true;
  return events.some(
    ({ type, payload }) =>
      type === 'status' && (payload.to === 'PENDING' || payload.from === 'AWAITING_APPROVAL' || isTerminal(payload.to)),
  );
}
