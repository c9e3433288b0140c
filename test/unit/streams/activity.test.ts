import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CursorExpiredError } from '../../../src/streams/activity/activity-cursor.ts';
import { createMemoryActivity, pollMilliseconds, read } from './memory-activity.ts';

/** 1, 2, 3, … */
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('a follower of activity', () => {
  test('B65: without a cursor starts now, with an empty batch', async () => {
    const activity = createMemoryActivity();
    activity.change(3);
    const stream = await activity.follow();
    expect(await read(stream)).toEqual({ positions: [], caughtUp: [true] });
    activity.change(2);
    expect(await read(stream)).toEqual({ positions: [4, 5], caughtUp: [false] });
    stream.close();
    expect(activity.notifications.listeners()).toBe(0);
    expect(activity.clock.pending()).toBe(0);
  });

  test('B65: with a cursor continues after it, and reports once that it has caught up', async () => {
    const activity = createMemoryActivity();
    activity.change(30);
    const stream = await activity.follow(3, { maxBatch: 10 });
    activity.change(2);
    const { positions, caughtUp } = await read(stream);
    expect(positions).toEqual(upTo(32).slice(3));
    expect(caughtUp.filter(Boolean)).toHaveLength(1);
    stream.close();
  });

  test('gets changes of its owner only, and the changes of others cost it nothing', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    for (let index = 0; index < 50; index += 1) {
      activity.change(1, 'bob');
      await read(stream);
    }
    activity.change(1, 'ada');
    expect((await read(stream)).positions).toEqual([51]);
    expect(activity.reads.pages).toBe(0);
    stream.close();
  });

  test('that is slower than the changes loses none, and keeps one page at most', async () => {
    const activity = createMemoryActivity({ windowItems: 10 });
    const [slow, fast] = [await activity.follow(), await activity.follow()];
    await Promise.all([read(slow), read(fast)]);
    const received: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      activity.change(3);
      received.push(...(await read(fast)).positions);
    }
    expect(received).toEqual(upTo(90));
    expect(activity.reads.pages).toBe(0);
    expect((await read(slow)).positions).toEqual(upTo(90));
    expect(activity.reads.pages).toBeGreaterThan(0);
    slow.close();
    fast.close();
  });

  test('whose next changes were deleted fails instead of skipping them', async () => {
    const activity = createMemoryActivity({ windowItems: 5 });
    const [stalled, other] = [await activity.follow(), await activity.follow()];
    await Promise.all([read(stalled), read(other)]);
    activity.change(20);
    await read(other);
    activity.prune(12);
    await expect(read(stalled)).rejects.toThrow(CursorExpiredError);
    other.close();
  });

  test('B52: gets after an outage what was changed during it', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    activity.store.isDown = true;
    activity.change(2);
    expect((await read(stream)).positions).toEqual([]);
    activity.store.isDown = false;
    await activity.clock.advance(2 * pollMilliseconds);
    expect((await read(stream)).positions).toEqual([1, 2]);
    stream.close();
  });

  test('many followers share one read of each change', async () => {
    const activity = createMemoryActivity();
    const streams = await Promise.all(upTo(50).map(() => activity.follow()));
    for (const stream of streams) await read(stream);
    const before = activity.reads.feed;
    activity.change();
    for (const stream of streams) expect((await read(stream)).positions).toEqual([1]);
    expect(activity.reads.feed - before).toBe(1);
    await activity.clock.advance(10 * pollMilliseconds);
    for (const stream of streams) await read(stream);
    expect(activity.reads.feed - before).toBeLessThanOrEqual(1 + 20);
    for (const stream of streams) stream.close();
  });
});

describe('a transaction that is open', () => {
  test('holds back the changes after its position until it has ended', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    const slow = activity.begin();
    slow.insert();
    activity.change(2);
    expect((await read(stream)).positions).toEqual([]);
    slow.commit();
    activity.announce();
    expect((await read(stream)).positions).toEqual([1, 2, 3]);
    stream.close();
  });

  test('and is rolled back leaves a gap, which is found without a notification', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    const failing = activity.begin();
    failing.insert();
    activity.change();
    expect((await read(stream)).positions).toEqual([]);
    failing.rollback();
    await activity.clock.advance(500);
    expect((await read(stream)).positions).toEqual([2]);
    stream.close();
  });

  test('and has filled its gap does not matter for the next gap', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    const slow = activity.begin();
    slow.insert();
    activity.change();
    expect((await read(stream)).positions).toEqual([]);
    slow.commit();
    activity.announce();
    expect((await read(stream)).positions).toEqual([1, 2]);
    const [third, fourth] = [activity.begin(), activity.begin()];
    third.insert();
    fourth.insert();
    fourth.rollback();
    third.commit();
    activity.change();
    expect((await read(stream)).positions).toEqual([3, 5]);
    stream.close();
  });

  test('holds back a first cursor, so that its change does not appear before it', async () => {
    const activity = createMemoryActivity();
    const slow = activity.begin();
    slow.insert();
    activity.change();
    let isReady = false;
    const following = activity.follow().then((stream) => {
      isReady = true;
      return stream;
    });
    await activity.clock.advance(2000);
    expect(isReady).toBe(false);
    slow.commit();
    await activity.clock.advance(500);
    const stream = await following;
    expect(activity.feed.settled()).toBe(2);
    stream.close();
  });

  test('does not delay the feed if it took its position later', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    const failing = activity.begin();
    failing.insert();
    activity.change();
    await read(stream);
    const later = activity.begin();
    later.insert();
    failing.rollback();
    await activity.clock.advance(500);
    expect((await read(stream)).positions).toEqual([2]);
    stream.close();
  });

  test('is reported when it delays the feed for long, with the time that it has been open', async () => {
    const activity = createMemoryActivity();
    const stream = await activity.follow();
    await read(stream);
    await activity.clock.advance(1000);
    const slow = activity.begin();
    slow.insert();
    // It delays nothing before there is a later change.
    await activity.clock.advance(3000);
    activity.change();
    await read(stream);
    await activity.clock.advance(4000);
    expect(activity.delays).toEqual([]);
    await activity.clock.advance(26_000);
    expect(activity.delays).toEqual([expect.closeTo(8, 0), expect.closeTo(13, 0), expect.closeTo(23, 0)]);
    stream.close();
  });

  test('no follower skips or repeats a change, whatever commits, rolls back, disconnects or stalls in between', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('begin' as const), inserts: fc.integer({ min: 1, max: 3 }) }),
        fc.record({
          kind: fc.constantFrom('commit' as const, 'commit' as const, 'rollback' as const),
          which: fc.nat(),
          isAnnounced: fc.boolean(),
        }),
        fc.record({ kind: fc.constantFrom('read' as const, 'reconnect' as const), which: fc.nat() }),
        fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.integer({ min: 1, max: 8000 }) }),
        fc.record({ kind: fc.constant('announce' as const) }),
      ),
      { minLength: 20, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const activity = createMemoryActivity({ windowItems: 4 });
        const open: { transaction: ReturnType<typeof activity.begin>; positions: number[] }[] = [];
        const committed: number[] = [];
        const followers = await Promise.all(
          upTo(3).map(async () => ({ stream: await activity.follow(0), received: [] as number[] })),
        );
        const receive = async (follower: (typeof followers)[number]) => {
          follower.received.push(...(await read(follower.stream)).positions);
        };
        for (const step of sequence) {
          if (step.kind === 'begin') {
            const transaction = activity.begin();
            open.push({ transaction, positions: upTo(step.inserts).map(() => transaction.insert()) });
          } else if (step.kind === 'commit' || step.kind === 'rollback') {
            const [ended] = open.splice(step.which % Math.max(1, open.length), 1);
            ended?.transaction[step.kind]();
            if (step.kind === 'commit' && ended) committed.push(...ended.positions);
            if (step.isAnnounced) activity.announce();
          } else if (step.kind === 'read' || step.kind === 'reconnect') {
            const follower = followers[step.which % followers.length];
            if (!follower) continue;
            await receive(follower);
            if (step.kind === 'read') continue;
            follower.stream.close();
            follower.stream = await activity.follow(follower.received.at(-1) ?? 0);
          } else if (step.kind === 'wait') await activity.clock.advance(step.milliseconds);
          else activity.announce();
        }
        for (const { transaction } of open) transaction.rollback();
        activity.announce();
        for (let round = 0; round < 3; round += 1) {
          await activity.clock.advance(2 * pollMilliseconds);
          for (const follower of followers) await receive(follower);
        }
        committed.sort((left, right) => left - right);
        for (const { received, stream } of followers) {
          expect(received).toEqual(committed);
          stream.close();
        }
      }),
      { numRuns: 200 },
    );
  });
});
