import type { Connection, LinkState, Operation } from '../../../client/src/connection/connection.ts';
import type { Requests } from '../../../client/src/connection/requests.ts';
import { createSource } from '../../../client/src/readable.ts';
import type { TapeEvent } from '../../../client/src/run/tape-event.ts';

/** A connection without a network: the test says what arrives. */
export function fakeConnection() {
  const state = createSource<LinkState>({ state: 'open' });
  const running = new Set<Operation>();
  /** The variables of every start. */
  const starts: unknown[] = [];
  const connection: Connection = {
    state,
    start(operation) {
      running.add(operation);
      starts.push(operation.variables());
      return () => void running.delete(operation);
    },
    wake() {},
    close() {},
  };
  /** Delivers a result to the only operation that is running. */
  function deliver(data: unknown): void {
    if (running.size !== 1) throw new Error(`${running.size} operations are running.`);
    for (const operation of [...running]) operation.next(data);
  }
  return { connection, state, running, starts, deliver };
}

/** Requests that are answered with pages of this tape. */
export function fakeRequests(tape: readonly TapeEvent[] = []) {
  const asked: unknown[] = [];
  const requests = {
    async read(_document: unknown, variables: { after?: string | null }) {
      asked.push(variables);
      const from = Number((variables.after ?? 'c0').slice(1));
      return {
        run: { head: tape.length, tape: { nodes: tape.slice(from, from + 100), pageInfo: { hasNextPage: false } } },
      };
    },
  } as unknown as Requests;
  return { requests, asked };
}

export const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3, estimated: false, cost: null };

type Member<Type extends TapeEvent['type']> = Omit<
  Extract<TapeEvent, { type: Type }>,
  'type' | '__typename' | 'runId' | 'seq' | 'cursor' | 'actor' | 'recordedAt'
>;

/** An event of the run `run_1`. Its cursor is `c<seq>`. */
export function event<Type extends TapeEvent['type']>(seq: number, type: Type, members: Member<Type>): TapeEvent {
  const common = { runId: 'run_1', seq, cursor: `c${seq}`, actor: 'SYSTEM', recordedAt: new Date(seq).toISOString() };
  return { __typename: '', type, ...common, ...members } as unknown as TapeEvent;
}

export const output = (seq: number, text: string, step = 1) =>
  event(seq, 'OUTPUT', { step, text, finishReason: 'stop', model: 'scripted', usage });

export const status = (
  seq: number,
  to: 'PENDING' | 'IN_PROGRESS' | 'DONE' | 'CANCELLED' | 'FAILED',
  more: object = {},
) => event(seq, 'STATUS', { from: null, to, statusReason: null, failure: null, ...more });

export const input = (seq: number, text = 'Hello', steered = false) =>
  event(seq, 'INPUT', { text, steered, attachments: [] });

export const delta = (seq: number, text = `${seq} `, step = 1) => event(seq, 'OUTPUT_DELTA', { step, text });

export const deltas = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => delta(from + index));

export const batch = (
  events: readonly TapeEvent[],
  more: { cursor?: string; caughtUp?: boolean; closed?: boolean } = {},
) => ({
  runEventBatches: { events, cursor: events.at(-1)?.cursor ?? '', caughtUp: false, closed: false, ...more },
});

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}
