import type { Wake } from '../bus/bus.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Environment } from './environment.ts';
import { claimLeases, type Lease, renewLeases } from './leases.ts';
import { executeRun, type StopReason } from './run-loop.ts';

export interface Orchestrator {
  /** Begins to claim and execute runs. */
  start(): void;
  /** Claims no more, lets steps under way finish within the grace time, then interrupts them and hands every lease back. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Runs in work now. */
  running(): number;
}

interface Execution {
  runId: string;
  abort(reason: StopReason): void;
  done: Promise<void>;
}

/** Claims a few runs at a time, so that a long queue does not keep the first of them waiting. */
const CLAIMED_AT_ONCE = 64;

export function createOrchestrator(
  environment: Environment,
  /** Settles questions that nobody answered in time. */
  sweep: () => Promise<unknown>,
): Orchestrator {
  const { store, clock, settings, logger } = environment;
  const holder = environment.newId('server');
  // Not by run: a run that was suspended may be claimed again before its first execution has wound up.
  const executions = new Set<Execution>();
  let state: 'idle' | 'running' | 'stopping' = 'idle';
  let unsubscribe = () => {};
  let cancelTick = () => {};
  let claiming: Promise<void> | null = null;
  let claimAgain = false;
  let ticking: Promise<void> | null = null;

  function claimSoon(): void {
    claimAgain = true;
    if (state !== 'running') return;
    claiming ??= claimAll().finally(() => {
      claiming = null;
    });
  }

  async function claimAll(): Promise<void> {
    while (claimAgain && state === 'running') {
      claimAgain = false;
      const limit = Math.min(settings.maxConcurrentRuns - executions.size, CLAIMED_AT_ONCE);
      if (limit <= 0) return;
      try {
        const leaseMilliseconds = settings.leaseSeconds * 1000;
        const leases = await claimLeases(store.database, { holder, limit, now: clock.now(), leaseMilliseconds });
        for (const lease of leases) execute(lease);
        claimAgain ||= leases.length === limit;
      } catch (error) {
        logger.warn({ err: error }, 'runs could not be claimed');
      }
    }
  }

  function execute(lease: Lease): void {
    const controller = new AbortController();
    const abort = (reason: StopReason) => controller.abort(reason);
    const unfollow = store.bus.onRun(lease.runId, (wake) => {
      if (endsRun(wake)) abort('ended');
    });
    const control = { signal: controller.signal, stopping: () => state !== 'running' };
    const execution: Execution = { runId: lease.runId, abort, done: Promise.resolve() };
    executions.add(execution);
    execution.done = executeRun(environment, lease, control)
      .catch((error: unknown) => logger.error({ err: error, runId: lease.runId }, 'a run was interrupted'))
      .finally(() => {
        unfollow();
        executions.delete(execution);
        claimSoon();
      });
  }

  async function renew(): Promise<void> {
    const before = [...executions];
    if (before.length === 0) return;
    const expiresAt = new Date(clock.now() + settings.leaseSeconds * 1000);
    const runIds = before.map(({ runId }) => runId);
    const held = await renewLeases(store.database, holder, runIds, expiresAt);
    for (const { runId, abort } of before) if (!held.has(runId)) abort('lease-lost');
  }

  async function tick(): Promise<void> {
    try {
      await renew();
      await sweep();
    } catch (error) {
      logger.warn({ err: error }, 'leases could not be renewed');
    }
    claimSoon();
  }

  function scheduleTick(): void {
    cancelTick = clock.after((settings.leaseSeconds * 1000) / 3, () => {
      ticking = tick().finally(() => {
        ticking = null;
        if (state === 'running') scheduleTick();
      });
    });
  }

  return {
    start() {
      state = 'running';
      unsubscribe = store.bus.onAny((wake) => {
        if (freesWork(wake)) claimSoon();
      });
      scheduleTick();
      claimSoon();
    },
    async stop(graceMilliseconds) {
      state = 'stopping';
      unsubscribe();
      cancelTick();
      await Promise.all([claiming, ticking]);
      const all = Promise.all([...executions].map(({ done }) => done));
      const cancelTimer = clock.after(graceMilliseconds, () => {
        for (const { abort } of executions) abort('shutdown');
      });
      await all;
      cancelTimer();
    },
    running: () => executions.size,
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

function endsRun({ events }: Wake): boolean {
  return events?.some(({ type, payload }) => type === 'status' && isTerminal(payload.to)) ?? false;
}
