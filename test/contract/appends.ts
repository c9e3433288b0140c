import type { Json, NewEvent, RecordedEvent, StampedEvent } from '../../src/domain/events.ts';
import { createIds } from '../../src/ids.ts';
import type { AppendOutcome, AppendRequest, Journal } from '../../src/journal/journal.ts';
import { input, status, toolCall } from '../unit/domain/given.ts';

const newId = createIds(() => Date.UTC(2026, 0));

export const sessionId = newId('session');
export const newRunId = () => newId('run');

const stamped = (event: NewEvent): StampedEvent => ({ ...event, recordedAt: Date.UTC(2026, 0) });

/** An event with a text. */
export function delta(text: string): StampedEvent {
  return stamped({ type: 'output_delta', actor: 'MODEL', payload: { step: 1, text } });
}

/** An event with any JSON. */
export function call(callInput: Json): StampedEvent {
  return stamped(toolCall('call_1', 1, callInput));
}

/** The two events with which every tape begins. */
export const opening: StampedEvent[] = [stamped(input('hello')), stamped(status(null, 'PENDING'))];
/** The event that ends a run. */
export const ending: StampedEvent = stamped(status('IN_PROGRESS', 'DONE'));

/** An append without rows and without a lease, unless `overrides` has them. */
export function request(
  runId: string,
  expectedHead: number,
  events: StampedEvent[],
  overrides: Partial<AppendRequest> = {},
): AppendRequest {
  return { runId, sessionId, expectedHead, epoch: null, events, writes: [], ...overrides };
}

/** Appends after `expectedHead`. Throws if the append is refused. */
export async function append(
  journal: Journal,
  runId: string,
  expectedHead: number,
  ...events: StampedEvent[]
): Promise<RecordedEvent[]> {
  return appended(await journal.append(request(runId, expectedHead, events)));
}

export function appended(outcome: AppendOutcome): RecordedEvent[] {
  if (outcome.kind !== 'appended') throw new Error(`Not appended: ${JSON.stringify(outcome)}`);
  return outcome.events;
}

export function readAll(journal: Journal, runId: string): Promise<RecordedEvent[]> {
  return journal.read(runId, { after: 0, limit: 10_000 });
}

/** The texts of the deltas among the events. */
export function textsOf(events: readonly RecordedEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'output_delta' ? [event.payload.text] : []));
}

export const seqsOf = (events: readonly RecordedEvent[]): number[] => events.map(({ seq }) => seq);

/** 1 to `last`, or `first` to `last`. */
export function sequence(last: number, first = 1): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
