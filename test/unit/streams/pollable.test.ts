import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { FollowBatch } from '../../../src/streams/follow-run.ts';
import type { Following } from '../../../src/streams/following.ts';
import { delta, ending, newRunId, seqsOf, sequence } from '../../contract/appends.ts';
import { createLiveTapes, take } from './live-runs.ts';

const finished = { done: true, value: undefined };

/** A reader who has caught up with a tape of one event, listens, and waits for the next value. */
async function openListening(more: { types?: ['tool_call'] } = {}) {
  const tapes = createLiveTapes({ pageEvents: 5, bufferEvents: 8 });
  const runId = newRunId();
  await tapes.write(runId, delta('1'));
  const following = tapes.follow(runId, more);
  let told = 0;
  following.onReady(() => {
    told += 1;
  });
  await take(following);
  const answers: (FollowBatch | 'end')[] = [];
  const pending = following.next().then(({ done, value }) => answers.push(done ? 'end' : value));
  await setImmediate();
  return { ...tapes, runId, following, answers, pending, told: () => told };
}

function seqsReady(following: Following<FollowBatch>): number[] {
  const seqs: number[] = [];
  for (let batch = following.ready(); batch; batch = following.ready()) seqs.push(...seqsOf(batch.events));
  return seqs;
}

describe('a reader who listens while it waits', () => {
  test('is told of each wake-up and takes what is live, without a read, and goes on waiting', async () => {
    const { write, runId, following, answers, told, reads } = await openListening();
    const before = reads();
    await write(runId, delta('2'));
    expect([told(), seqsReady(following)]).toEqual([1, [2]]);
    await write(runId, delta('3'));
    await write(runId, delta('4'), delta('5'));
    expect([told(), seqsReady(following)]).toEqual([3, [3, 4, 5]]);
    expect(following.ready()).toBeUndefined();
    await setImmediate();
    expect([answers, reads()]).toEqual([[], before]);
  });

  test('ends with the last event', async () => {
    const { write, runId, following, answers, pending, bus, clock } = await openListening();
    await write(runId, delta('2'), ending);
    const last = following.ready();
    expect([seqsOf(last?.events ?? []), last?.closed]).toEqual([[2, 3], true]);
    await pending;
    expect([answers, following.ready()]).toEqual([['end'], undefined]);
    expect([bus.listeners(), clock.pending()]).toEqual([0, 0]);
    expect(await following.next()).toEqual(finished);
  });

  test('takes nothing of what its types leave out', async () => {
    const { write, runId, following, told } = await openListening({ types: ['tool_call'] });
    await write(runId, delta('2'));
    expect([told(), following.ready()]).toEqual([1, undefined]);
  });

  test('is brought up by its `next` where the events are not at hand', async () => {
    const { write, runId, following, answers, pending, tellBy } = await openListening();
    tellBy('heads');
    await write(runId, delta('2'));
    await setImmediate();
    expect(answers).toEqual([]);
    expect(following.ready()).toBeUndefined();
    await pending;
    expect(answers).toMatchObject([{ seq: 2 }]);
  });

  test('that was lost is told by the poll', async () => {
    const { write, runId, following, pending, answers, tellBy, clock, told } = await openListening();
    tellBy('lost');
    await write(runId, delta('2'));
    await clock.advance(10_000);
    expect(told()).toBeGreaterThan(0);
    expect(following.ready()).toBeUndefined();
    await pending;
    expect(answers).toMatchObject([{ seq: 2 }]);
  });

  test('has nothing ready once it has left', async () => {
    const { write, runId, following, answers, pending } = await openListening();
    await write(runId, delta('2'));
    await following.return?.();
    expect(following.ready()).toBeUndefined();
    await pending;
    expect(answers).toEqual(['end']);
  });
});

test('B27: nothing is read for a reader who has no room, however long; then it gets everything', async () => {
  const { write, runId, following, answers, pending, reads, clock } = await openListening();
  const before = reads();
  for (const n of sequence(40)) await write(runId, delta(`${n}`));
  await clock.advance(60_000);
  expect([answers, reads()]).toEqual([[], before]);
  expect(following.ready()).toBeUndefined();
  await pending;
  const seqs = answers.flatMap((answer) => (answer === 'end' ? [] : seqsOf(answer.events)));
  while ((seqs.at(-1) ?? 0) < 41) seqs.push(...seqsOf((await take(following)).events));
  expect(seqs).toEqual(sequence(41, 2));
});
