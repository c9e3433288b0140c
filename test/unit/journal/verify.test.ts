import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../../src/domain/events.ts';
import { decode, encode, GENESIS_HASH, hashOf, type StoredEvent } from '../../../src/journal/codec.ts';
import type { TapeHead } from '../../../src/journal/journal.ts';
import { verifyTape } from '../../../src/journal/verify.ts';
import { status } from '../domain/given.ts';

const thought: NewEvent = { type: 'thought', actor: 'MODEL', payload: { step: 1, text: 'Hm.' } };
const end = status('IN_PROGRESS', 'DONE');

/** A tape of these events with a valid chain of hashes. */
function chain(...events: NewEvent[]): StoredEvent[] {
  let previousHash = GENESIS_HASH;
  return events.map((event, index) => {
    const position = { runId: 'run_1', seq: index + 1, epoch: 1, previousHash };
    const { stored } = encode({ ...event, recordedAt: 0 }, position);
    previousHash = stored.hash;
    return stored;
  });
}

const thoughts = (count: number) => chain(...Array<NewEvent>(count).fill(thought));
const headOf = (events: readonly StoredEvent[], closed = false): TapeHead => ({
  sessionId: 'ses_1',
  head: events.at(-1)?.seq ?? 0,
  hash: events.at(-1)?.hash ?? '',
  closed,
});

/** @param heads the heads that are read in turn; the last one again and again */
function verify(
  events: readonly StoredEvent[],
  { heads = [headOf(events)], unreadable }: { heads?: (TapeHead | null)[]; unreadable?: number } = {},
) {
  const left = [...heads];
  const tape = {
    async readStored(_runId: string, after: number, limit: number) {
      const page = events.filter(({ seq }) => seq > after).slice(0, limit);
      if (page.some(({ seq }) => seq === unreadable || seq < 1)) throw new Error('a bad row');
      return page;
    },
    head: async () => (left.length > 1 ? left.shift() : left[0]) ?? null,
  };
  return verifyTape('run_1', tape, decode);
}

const broken = (seq: number, fault: string) => ({ kind: 'broken', runId: 'run_1', seq, fault });

describe('a tape is intact', () => {
  test.each([1, 999, 1000, 1001, 2000])('with %i events and their head', async (count) => {
    const events = thoughts(count);
    expect(await verify(events)).toEqual({ kind: 'intact', runId: 'run_1', events: count, hash: events.at(-1)?.hash });
  });

  test('without events and head', async () => {
    expect(await verify([], { heads: [null] })).toEqual({
      kind: 'intact',
      runId: 'run_1',
      events: 0,
      hash: GENESIS_HASH,
    });
  });

  test('if it is closed by the end of its run', async () => {
    const events = chain(thought, end);
    expect(await verify(events, { heads: [headOf(events, true)] })).toMatchObject({ kind: 'intact', events: 2 });
  });

  test('if events are appended meanwhile', async () => {
    const events = thoughts(3);
    let visible = events.slice(0, 2);
    const tape = {
      readStored: async (_runId: string, after: number) => visible.filter(({ seq }) => seq > after),
      async head() {
        visible = events;
        return headOf(events);
      },
    };
    expect(await verifyTape('run_1', tape, decode)).toMatchObject({ kind: 'intact', events: 3 });
  });
});

describe('the first fault of a tape is reported', () => {
  const events = () => thoughts(4);

  test('an event is missing', async () => {
    expect(await verify(events().toSpliced(1, 1))).toEqual(broken(2, 'is missing: the next one is 3'));
    expect(await verify(events().slice(1))).toEqual(broken(1, 'is missing: the next one is 2'));
    expect(await verify(events().slice(0, 3), { heads: [headOf(events().slice(0, 2))] })).toEqual(
      broken(4, 'is missing: the head is 2'),
    );
    expect(await verify([], { heads: [{ ...headOf([]), head: 0 }] })).toEqual(broken(1, 'is missing: the head is 0'));
  });

  test('an event was changed', async () => {
    const changed = events().map((event) =>
      event.seq === 3 ? { ...event, payload: '{"step":1,"text":"Ah."}' } : event,
    );
    expect(await verify(changed)).toEqual(broken(3, 'does not match its hash'));
  });

  test('an event has a valid hash and an unknown form', async () => {
    const [first] = thoughts(1);
    if (!first) throw new Error('There is no event.');
    const unknown = { ...first, payload: '{}' };
    const fault = await verify([{ ...unknown, hash: hashOf(GENESIS_HASH, unknown) }]);
    expect(fault).toMatchObject({ kind: 'broken', seq: 1, fault: expect.stringContaining('cannot be read') });
  });

  test('an event cannot be read', async () => {
    expect(await verify(events(), { unreadable: 3 })).toEqual(broken(3, 'cannot be read: a bad row'));
    expect(await verify(events(), { unreadable: 1 })).toEqual(broken(1, 'cannot be read: a bad row'));
  });

  test('an event comes before the first one', async () => {
    const [first, ...others] = thoughts(2);
    if (!first) throw new Error('There is no event.');
    const events = [{ ...first, seq: 0 }, first, ...others];
    expect(await verify(events)).toEqual(broken(3, 'cannot be read: a bad row'));
  });

  test('an event follows the end of the run', async () => {
    expect(await verify(chain(thought, end, thought))).toEqual(broken(3, 'follows the end of its run'));
  });

  test('the tape is closed and its run has not ended, or the other way round', async () => {
    const [open, ended] = [thoughts(2), chain(thought, end)];
    expect(await verify(open, { heads: [headOf(open, true)] })).toEqual(
      broken(2, 'is the last one, but the tape is closed'),
    );
    expect(await verify(ended, { heads: [headOf(ended)] })).toEqual(broken(2, 'is the last one, but the tape is open'));
  });

  test('the events belong to no tape', async () => {
    expect(await verify(events(), { heads: [null] })).toEqual(broken(4, 'belongs to a run without a tape'));
  });
});
