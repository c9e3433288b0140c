import type { EventType, NewEvent, RecordedEvent } from '../../../src/domain/events.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';
import type { RunControl } from '../../../src/orchestrator/run-execution.ts';
import { executeRun } from '../../../src/orchestrator/run-loop.ts';
import { type Given, inProgress, input, origin, runId, status } from '../domain/given.ts';
import { createFakeDependencies } from './fake-dependencies.ts';

type Options = Parameters<typeof createFakeDependencies>[0] & {
  /** The tape so far. By default the run is in progress, and nothing has happened. */
  given?: Given;
  control?: Partial<RunControl>;
  lease?: Partial<Lease>;
  /** Called with each append that the execution makes, before it. */
  onAppend?(events: readonly { type: string }[]): void | Promise<void>;
};

/** The dependencies of an execution, and a function that executes the run until it stops. */
export async function openRun({
  given = inProgress,
  control,
  lease: ofLease = {},
  onAppend,
  ...options
}: Options = {}) {
  const fakes = createFakeDependencies(options);
  const { dependencies, clock, storeTape, eventsAfter } = fakes;
  const lease = await storeTape(runId, ofLease, given);
  const before = (await dependencies.runStore.load(runId))?.head ?? 0;
  if (onAppend) {
    const { append } = dependencies.journal;
    dependencies.journal.append = async (request) => {
      await onAppend(request.events);
      return append(request);
    };
  }
  async function execute(): Promise<RecordedEvent[]> {
    await executeRun(dependencies, lease, {
      signal: new AbortController().signal,
      isStopping: () => false,
      onAsking: () => undefined,
      ...control,
    });
    return recorded();
  }
  const recorded = () => eventsAfter(runId, before);
  /** Resolves when the execution has recorded an event of this type. */
  async function untilRecorded(type: EventType): Promise<void> {
    do await clock.advance(0);
    while (!(await recorded()).some((event) => event.type === type));
  }
  return { ...fakes, lease, execute, recorded, untilRecorded };
}

/** Executes a run until it stops. Returns the events that were recorded meanwhile. */
export async function executed(options: Options): Promise<RecordedEvent[]> {
  return (await openRun(options)).execute();
}

export const typesOf = (events: readonly RecordedEvent[]) => events.map(({ type }) => type);

/** How the run ended, if it did. */
export function endOf(events: readonly RecordedEvent[]) {
  const last = events.at(-1);
  return last?.type === 'status' ? { to: last.payload.to, error: last.payload.error } : null;
}

/** The first events of a run whose message came with this header. */
export function startOfTracedRun(traceParent: string): NewEvent[] {
  const message = input('hello');
  if (message.type !== 'input') throw new Error('It is no message.');
  return [
    { ...message, payload: { ...message.payload, origin: { ...origin, traceParent } } },
    status(null, 'PENDING'),
    status('PENDING', 'IN_PROGRESS', { turn: 1 }),
  ];
}
