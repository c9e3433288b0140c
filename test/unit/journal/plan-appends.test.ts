import { describe, expect, test, vi } from 'vitest';
import { GENESIS_HASH } from '../../../src/journal/codec.ts';
import type { AppendRequest } from '../../../src/journal/journal.ts';
import { type CachedHead, emptyTape, planAppends } from '../../../src/journal/plan-appends.ts';
import { delta, ending, opening, request } from '../../contract/appends.ts';

const head = (seq: number, more: Partial<CachedHead> = {}): CachedHead => ({
  seq,
  hash: `hash ${seq}`,
  closed: false,
  payloadBytes: null,
  ...more,
});
const content = (text: string) => ({ events: [delta(text)], writes: [] });

/** Plans appends to tapes with these heads. `stored` are the events that are read from the store. */
async function plan(
  requests: readonly AppendRequest[],
  heads: Record<string, CachedHead> = {},
  stored: unknown[] = [],
) {
  const rejected: unknown[] = [];
  const read = vi.fn(async () => stored as never);
  const batch = requests.map((each) => ({
    request: each,
    resolve: () => undefined,
    reject: (error: unknown) => void rejected.push(error),
  }));
  const planned = await planAppends(batch, new Map(Object.entries(heads)), read);
  const plans = planned.map(({ plan: each }) =>
    each.kind === 'write' ? { seqs: each.stored.map(({ seq }) => seq), head: each.head } : each.outcome,
  );
  return { plans, read, rejected, planned };
}

describe('an append is planned', () => {
  test('on an empty tape, and on the head that it expects', async () => {
    const first = [delta('a'), delta('b')];
    const { plans } = await plan([request('run_1', 0, first), request('run_2', 7, first)], { run_2: head(7) });
    expect(plans).toMatchObject([
      { seqs: [1, 2], head: { seq: 2, closed: false, payloadBytes: expect.any(Number) } },
      { seqs: [8, 9], head: { seq: 9, payloadBytes: null } },
    ]);
    expect(emptyTape).toEqual({ seq: 0, hash: GENESIS_HASH, closed: false, payloadBytes: 0 });
  });

  test('on top of the appends before it in the batch: hashes and bytes go on', async () => {
    const { planned } = await plan([request('run_1', 0, [delta('a')]), request('run_1', 1, [delta('b')])]);
    const [one, two] = planned.map(({ plan: each }) => (each.kind === 'write' ? each : expect.unreachable()));
    const payloads = [one, two].flatMap((each) => each?.stored.map(({ payload }) => payload) ?? []);
    expect(two?.head.payloadBytes).toBe(Buffer.byteLength(payloads.join('')));
    expect(two?.head.hash).toBe(two?.stored[0]?.hash);
    expect(one?.head.hash).not.toBe(two?.head.hash);
  });

  test('and closes the tape with the end of the run', async () => {
    const events = [delta('a'), delta('b'), ending];
    const { plans } = await plan([request('run_1', 0, events), request('run_1', 3, [delta('late')])]);
    expect(plans).toMatchObject([{ head: { closed: true } }, { kind: 'closed' }]);
  });

  test('and leaves the tape open at other changes of the status', async () => {
    const { plans } = await plan([request('run_1', 0, opening), request('run_1', 2, [delta('a')])]);
    expect(plans).toMatchObject([{ head: { closed: false } }, { head: { seq: 3 } }]);
  });
});

describe('an append that expects another head', () => {
  test('is refused without a way to rebase it, and does not keep those after it from being planned', async () => {
    const { plans, read } = await plan([request('run_1', 3, [delta('a')]), request('run_1', 5, [delta('b')])], {
      run_1: head(5),
    });
    expect(plans).toMatchObject([{ kind: 'conflict', head: 5 }, { seqs: [6] }]);
    expect(read).not.toHaveBeenCalled();
  });

  test('is refused if it expects more than there is', async () => {
    const rebase = vi.fn(() => content('again'));
    const { plans, read } = await plan([request('run_1', 6, [delta('a')], { rebase })], { run_1: head(5) });
    expect(plans).toEqual([{ kind: 'conflict', head: 5 }]);
    expect(rebase).not.toHaveBeenCalled();
    expect(read).not.toHaveBeenCalled();
  });

  test('is rebased on what it missed: stored events, then those of the batch', async () => {
    const rebase = vi.fn(() => content('again'));
    const stored = [{ seq: 4 }, { seq: 5 }];
    const { plans, read } = await plan(
      [request('run_1', 5, [delta('of the batch')]), request('run_1', 3, [delta('a')], { rebase })],
      { run_1: head(5) },
      stored,
    );
    expect(read.mock.calls).toEqual([['run_1', { after: 3, upTo: 5, limit: 2 }]]);
    expect(rebase).toHaveBeenCalledExactlyOnceWith([...stored, expect.objectContaining({ seq: 6 })]);
    expect(plans).toMatchObject([{ seqs: [6] }, { seqs: [7] }]);
  });

  test('is rebased without a read if it missed only events of the batch', async () => {
    const rebase = vi.fn(() => content('again'));
    const { plans, read } = await plan([
      request('run_1', 0, [delta('one'), delta('two')]),
      request('run_1', 1, [delta('a')], { rebase }),
    ]);
    expect(read).not.toHaveBeenCalled();
    expect(rebase).toHaveBeenCalledExactlyOnceWith([expect.objectContaining({ seq: 2 })]);
    expect(plans).toMatchObject([{ seqs: [1, 2] }, { seqs: [3] }]);
    const later = await plan([request('run_1', 5, [delta('a')]), request('run_1', 5, [delta('b')], { rebase })], {
      run_1: head(5),
    });
    expect(later.read).not.toHaveBeenCalled();
    expect(later.plans).toMatchObject([{ seqs: [6] }, { seqs: [7] }]);
  });

  test('is refused if the tape has fewer events than its cached head says', async () => {
    const rebase = vi.fn(() => content('again'));
    const { plans } = await plan([request('run_1', 3, [delta('a')], { rebase })], { run_1: head(5) }, [{ seq: 4 }]);
    expect(plans).toEqual([{ kind: 'conflict', head: 5 }]);
    expect(rebase).not.toHaveBeenCalled();
  });

  test('is refused if it says so itself', async () => {
    const { plans } = await plan([request('run_1', 4, [delta('a')], { rebase: () => null })], { run_1: head(5) }, [
      { seq: 5 },
    ]);
    expect(plans).toEqual([{ kind: 'conflict', head: 5 }]);
  });

  test('is rejected if it fails, and left out', async () => {
    const error = new Error('a defect');
    const failing = () => {
      throw error;
    };
    const { plans, rejected } = await plan(
      [request('run_1', 4, [delta('a')], { rebase: failing }), request('run_1', 5, [delta('b')])],
      { run_1: head(5) },
      [{ seq: 5 }],
    );
    expect(rejected).toEqual([error]);
    expect(plans).toMatchObject([{ seqs: [6] }]);
  });
});
