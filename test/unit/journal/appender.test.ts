import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { COMMIT_WORK } from '../../../src/config/limits.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import type { StampedEvent } from '../../../src/domain/events.ts';
import { createAppender, type PlannedWrite, type TapeStore } from '../../../src/journal/appender.ts';
import { decode, type StoredEvent } from '../../../src/journal/codec.ts';
import { emptyTape } from '../../../src/journal/plan-appends.ts';
import { delta, ending, newRunId, request } from '../../contract/appends.ts';
import { createFakeClock } from '../fake-clock.ts';

/** What happens to a commit whose connection is lost: it is stored, or another writer stores this instead, or nothing is. */
type LostCommit = 'stored' | 'not stored' | { otherWriter: StampedEvent[] };
/** Or it fails with this error, and stores nothing. */
type Disturbance = LostCommit | 'none' | StoreError;

/** An appender over tapes in memory, whose next commits are disturbed. */
function openAppender(...disturbances: Disturbance[]) {
  const clock = createFakeClock();
  const tapes = new Map<string, StoredEvent[]>();
  const published: number[][] = [];
  let writes = 0;
  const store: TapeStore = {
    async heads(requests) {
      return new Map(
        requests.map(({ runId }) => {
          const last = tapes.get(runId)?.at(-1);
          const closed = last !== undefined && isEnd(last);
          return [runId, last ? { seq: last.seq, hash: last.hash, closed, payloadBytes: null } : emptyTape];
        }),
      );
    },
    read: async (runId, { after, limit }) =>
      (tapes.get(runId) ?? [])
        .filter(({ seq }) => seq > after)
        .slice(0, limit)
        .map(decode),
    async write(appends) {
      writes += 1;
      const disturbance = disturbances.shift() ?? 'none';
      if (disturbance instanceof StoreError) throw disturbance;
      if (typeof disturbance === 'object') await storeOf(appends, disturbance.otherWriter);
      else if (disturbance !== 'not stored') storeAll(appends);
      if (disturbance !== 'none') throw new StoreError('unknown', 'connection lost');
    },
  };
  const { append } = createAppender(store, ({ events }) => void published.push(events.map(({ seq }) => seq)), clock);

  function storeAll(appends: readonly PlannedWrite[]): void {
    for (const {
      request: { runId },
      plan,
    } of appends) {
      if ((tapes.get(runId)?.at(-1)?.seq ?? 0) >= (plan.stored[0]?.seq ?? 0)) {
        throw new StoreError('constraint', 'tape_seq');
      }
    }
    for (const {
      request: { runId },
      plan,
    } of appends)
      tapes.set(runId, [...(tapes.get(runId) ?? []), ...plan.stored]);
  }

  /** Another writer appends to the same tapes. */
  async function storeOf(appends: readonly PlannedWrite[], events: StampedEvent[]): Promise<void> {
    const other = createAppender({ ...store, write: async (others) => storeAll(others) }, () => undefined, clock);
    for (const {
      request: { runId },
      plan,
    } of appends) {
      await other.append(request(runId, (plan.stored[0]?.seq ?? 1) - 1, events));
    }
  }

  async function passTime(): Promise<void> {
    for (let waits = 0; waits < 6; waits += 1) await clock.advance(2000);
  }

  /** Appends while the time passes. */
  async function appendInTime(runId: string, expectedHead: number, events: StampedEvent[]) {
    const [outcome] = await Promise.all([append(request(runId, expectedHead, events)), passTime()]);
    return outcome;
  }

  const textsOn = (runId: string) =>
    (tapes.get(runId) ?? [])
      .map(decode)
      .flatMap((event) => (event.type === 'output_delta' ? [event.payload.text] : []));
  return { append, appendInTime, textsOn, published, writes: () => writes };
}

const isEnd = ({ type, payload }: StoredEvent) => type === 'status' && payload.includes('"DONE"');
const ours = [delta('ours 1'), delta('ours 2')];

test('the outcomes of a commit of many appends are reported in several turns, and the next commit does not wait for them', async () => {
  const { append, published, writes } = openAppender();
  const reported: number[] = [];
  const appends = Array.from({ length: 20 }, async (_, number) => {
    await append(request(newRunId(), 0, [delta('first')]));
    reported.push(number);
  });
  const counts: number[] = [];
  const writesAt: number[] = [];
  let later: Promise<unknown> | null = null;
  while (reported.length < 20) {
    await setImmediate();
    if (counts.at(-1) !== reported.length) {
      counts.push(reported.length);
      writesAt.push(writes());
    }
    if (reported.length === 0) continue;
    later ??= Promise.all(Array.from({ length: 10 }, () => append(request(newRunId(), 0, [delta('later')]))));
  }
  expect(counts).toEqual([8, 16, 20]);
  expect([writesAt[0], writesAt.at(-1)]).toEqual([1, 2]);
  await Promise.all([...appends, later]);
  expect(reported).toEqual([...reported].sort((left, right) => left - right));
  expect([published.length, writes()]).toEqual([30, 2]);
});

test('one commit stores a limited number of events', async () => {
  const { append, writes } = openAppender();
  await Promise.all(Array.from({ length: 100 }, () => append(request(newRunId(), 0, Array(4).fill(delta('text'))))));
  expect(writes()).toBe(2);
});

test('one commit stores a limited number of characters', async () => {
  const { append, writes } = openAppender();
  const long = delta('x'.repeat(COMMIT_WORK / 2));
  await Promise.all([1, 2, 3].map(() => append(request(newRunId(), 0, [long]))));
  // The rows count too.
  expect(writes()).toBe(3);
});

test('appends that share a refused commit are written one by one, and rejected from where the store fails', async () => {
  const away = new StoreError('unavailable', 'the database is away');
  const { append, published, writes } = openAppender(new StoreError('constraint', 'a rule'), 'none', away);
  const outcomes = await Promise.allSettled(
    [1, 2, 3].map((number) => append(request(newRunId(), 0, [delta(`text ${number}`)]))),
  );
  expect(outcomes).toMatchObject([
    { status: 'fulfilled', value: { kind: 'appended' } },
    { status: 'rejected', reason: away },
    { status: 'rejected', reason: away },
  ]);
  expect(published).toEqual([[1]]);
  expect(writes()).toBe(3);
});

describe('an append whose connection is lost during the commit', () => {
  test('is acknowledged if it was stored, and stored once', async () => {
    const { appendInTime: append, textsOn, published } = openAppender('stored');
    const runId = newRunId();
    expect(await append(runId, 0, ours)).toMatchObject({ kind: 'appended', events: [{ seq: 1 }, { seq: 2 }] });
    expect(textsOn(runId)).toEqual(['ours 1', 'ours 2']);
    expect(published).toEqual([[1, 2]]);
  });

  test('is stored by a second attempt if it was not', async () => {
    const { appendInTime: append, textsOn, published, writes } = openAppender('not stored');
    const runId = newRunId();
    expect(await append(runId, 0, ours)).toMatchObject({ kind: 'appended' });
    expect(textsOn(runId)).toEqual(['ours 1', 'ours 2']);
    expect([published, writes()]).toEqual([[[1, 2]], 2]);
  });

  test.each([
    ['as many events', [delta('theirs 1'), delta('theirs 2')]],
    ['fewer events', [delta('theirs 1')]],
    ['more events', [delta('theirs 1'), delta('theirs 2'), delta('theirs 3')]],
    // The texts are equal; the hash of the second event covers the first one as well.
    ['the same last event', [delta('theirs 1'), delta('ours 2')]],
    ['the same first event', [delta('ours 1'), delta('theirs 2')]],
  ])('is a conflict if another writer stored %s in its place', async (_name, theirs) => {
    const { appendInTime: append, textsOn, published } = openAppender({ otherWriter: theirs });
    const runId = newRunId();
    expect(await append(runId, 0, ours)).toEqual({ kind: 'conflict', head: theirs.length });
    expect(textsOn(runId)).toEqual(theirs.map(({ payload }) => 'text' in payload && payload.text));
    expect(published).toEqual([]);
  });

  test('is found by its last event if others followed it', async () => {
    const { appendInTime: append, textsOn, published } = openAppender({ otherWriter: [...ours, delta('theirs')] });
    const runId = newRunId();
    expect(await append(runId, 0, ours)).toMatchObject({ kind: 'appended', events: [{ seq: 1 }, { seq: 2 }] });
    expect(textsOn(runId)).toEqual(['ours 1', 'ours 2', 'theirs']);
    expect(published).toEqual([[1, 2]]);
  });

  test('is refused if another writer ended the run in its place', async () => {
    const { appendInTime: append } = openAppender({ otherWriter: [ending] });
    expect(await append(newRunId(), 0, ours)).toEqual({ kind: 'closed' });
  });

  test('fails as unknown if the database does not return', async () => {
    const { appendInTime: append, published } = openAppender(...Array<LostCommit>(6).fill('not stored'));
    await expect(append(newRunId(), 0, ours)).rejects.toMatchObject({ name: 'StoreError', failure: 'unknown' });
    expect(published).toEqual([]);
  });
});
