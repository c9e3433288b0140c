import { isTerminal } from '../domain/transitions.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { type Lease, type LeaseTerm, renewLeases } from './leases.ts';
import { executeRun, type StopReason } from './run-loop.ts';

/** The runs that this server executes now. */
export interface ActiveRuns {
  start(lease: Lease): void;
  /**
   * Prolongs the leases of all, and stops those whose lease somebody else holds now. Where the database can not be reached,
   * those whose lease has run out meanwhile are stopped: somebody else may hold it.
   */
  renew(): Promise<void>;
  /** Interrupts every step under way. */
  interrupt(): void;
  /** Resolves when all that were started so far have wound up. */
  settled(): Promise<void>;
  count(): number;
  /** Those that have recorded nothing of a step yet, and have not taken long for it. */
  starting(): number;
}

/** One that takes longer waits for something: a summary, or the server of a tool. It keeps nobody else from starting. */
const STARTING_MILLISECONDS = 1000;

interface Execution {
  runId: string;
  /** In milliseconds of `clock.elapsed`. */
  leaseEndsAt: number;
  abort(reason: StopReason): void;
  done: Promise<void>;
}

export function createActiveRuns(
  environment: OrchestratorDependencies,
  options: { stopping(): boolean; onFree(): void; term(): LeaseTerm },
): ActiveRuns {
  const { store, clock, logger } = environment;
  // Not by run: a run that was suspended may be claimed again before its first execution has wound up.
  const executions = new Set<Execution>();
  const starting = new Set<Execution>();

  function begun(execution: Execution): void {
    if (starting.delete(execution)) options.onFree();
  }

  return {
    start(lease) {
      const controller = new AbortController();
      const abort = (reason: StopReason) => controller.abort(reason);
      const unfollow = store.notifications.onRun(lease.runId, (wake) => {
        if (wake === null) return lookForEnd(environment, lease.runId, abort);
        if (wake.hints.includes('end')) abort('ended');
        if (wake.events?.some(({ type }) => type !== 'input' && type !== 'status')) begun(execution);
      });
      const leaseEndsAt = clock.elapsed() + options.term().leaseMilliseconds;
      const execution: Execution = { runId: lease.runId, leaseEndsAt, abort, done: Promise.resolve() };
      executions.add(execution);
      starting.add(execution);
      const cancelPatience = clock.after(STARTING_MILLISECONDS, () => begun(execution));
      execution.done = executeRun(environment, lease, { signal: controller.signal, stopping: options.stopping })
        .catch((error: unknown) => logger.error({ err: error, runId: lease.runId }, 'a run was interrupted'))
        .finally(() => {
          unfollow();
          executions.delete(execution);
          starting.delete(execution);
          cancelPatience();
          options.onFree();
        });
    },
    async renew() {
      const before = [...executions];
      if (before.length === 0) return;
      const term = options.term();
      const startedAt = clock.elapsed();
      try {
        const runIds = before.map(({ runId }) => runId);
        const held = await renewLeases(store.database, term, runIds);
        for (const execution of before) {
          if (held.has(execution.runId)) execution.leaseEndsAt = startedAt + term.leaseMilliseconds;
          else execution.abort('lease-lost');
        }
      } catch (error) {
        for (const { leaseEndsAt, abort } of before) if (leaseEndsAt <= clock.elapsed()) abort('lease-lost');
        throw error;
      }
    },
    interrupt() {
      for (const { abort } of executions) abort('shutdown');
    },
    async settled() {
      await Promise.all([...executions].map(({ done }) => done));
    },
    count: () => executions.size,
    starting: () => starting.size,
  };
}

function lookForEnd({ store, logger }: OrchestratorDependencies, runId: string, abort: Execution['abort']): void {
  store.runStore
    .load(runId)
    .then((run) => run && isTerminal(run.state.status) && abort('ended'))
    .catch((error: unknown) => logger.warn({ err: error, runId }, 'a run could not be looked at'));
}
