import type { RowWrite } from '../../database/batch-statement.ts';
import { decide, type RunCommand } from '../../domain/decide.ts';
import type { NewEvent, PayloadOf } from '../../domain/events.ts';
import { nextStep } from '../../domain/next-step.ts';
import { isRefusal } from '../../domain/refusal.ts';
import type { Run } from '../../domain/run.ts';
import { foldOn } from '../../domain/sequence-events.ts';
import type { Decided, RecordOutcome } from '../../run-store/run-store.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import { type Lease, releaseLease } from '../leases.ts';

/** How the loop goes on after something was recorded. */
export type Progress =
  | { kind: 'go-on'; run: Run }
  /** The run ended, waits for a person, or is somebody else's: this executor is done with it. */
  | { kind: 'stop'; handedBack: boolean };

/** Records a command of the executor under its lease. */
export function recordCommand(
  environment: OrchestratorDependencies,
  lease: Lease,
  command: RunCommand,
): Promise<Progress> {
  return recordUnderLease(environment, lease, (run, now) => decide(run, command, now));
}

/** Records what an executor saw or is about to do, together with the transition that follows from it, if one does. */
export function recordEvents(
  environment: OrchestratorDependencies,
  lease: Lease,
  events: NewEvent[],
  writes: RowWrite[] = [],
): Promise<Progress> {
  return recordUnderLease(environment, lease, (run, now) => decide(run, { kind: 'record', events }, now), writes);
}

/** Records what a tool says of a call under way. Neither the call nor its run depends on it. */
export async function recordReport(
  { store }: OrchestratorDependencies,
  { runId, sessionId, epoch }: Lease,
  payload: PayloadOf<'tool_progress'>,
): Promise<void> {
  await store.runStore.record({
    runId,
    sessionId,
    epoch,
    decide: (run, now) => decide(run, { kind: 'report', payload }, now),
  });
}

async function recordUnderLease(
  environment: OrchestratorDependencies,
  lease: Lease,
  decideFirst: (run: Run | null, now: number) => Decided,
  writes: RowWrite[] = [],
): Promise<Progress> {
  const { limits } = environment.settings;
  const outcome = await environment.store.runStore.record({
    runId: lease.runId,
    sessionId: lease.sessionId,
    epoch: lease.epoch,
    decide(run, now) {
      const first = decideFirst(run, now);
      if (isRefusal(first)) return first;
      const place = { runId: lease.runId, now, epoch: lease.epoch };
      const after = foldOn(run, place, first.events);
      const following = after && nextStep(after, limits, now);
      const second = following?.kind === 'transition' ? decide(after, following.command, now) : null;
      const more = second && !isRefusal(second) ? second.events : [];
      const events = more.length > 0 ? [...first.events, ...more] : first.events;
      const left = more.length > 0 ? foldOn(after, place, more) : after;
      const needsExecutor = left?.state.status === 'IN_PROGRESS';
      return { kind: 'events', events, writes: needsExecutor ? writes : [...writes, releaseLease(lease)] };
    },
  });
  return progressOf(outcome);
}

function progressOf(outcome: RecordOutcome): Progress {
  switch (outcome.kind) {
    case 'recorded':
      return outcome.run.state.status === 'IN_PROGRESS'
        ? { kind: 'go-on', run: outcome.run }
        : { kind: 'stop', handedBack: true };
    case 'refused':
    case 'stale':
    case 'constraint':
      return { kind: 'stop', handedBack: false };
    default:
      return outcome satisfies never;
  }
}
