import { describe, expect, test } from 'vitest';
import { createConcurrencyLimit } from '../../../src/server/access/concurrency-limit.ts';
import { createFollowCharges } from '../../../src/server/access/follow-charges.ts';
import { createRateLimit } from '../../../src/server/access/rate-limit.ts';
import { createFakeClock } from '../fake-clock.ts';

const isOpen = () => true;

describe('a concurrency limit', () => {
  test('counts each key separately', () => {
    const limit = createConcurrencyLimit(1);
    expect(limit.acquire('ada')).not.toBeNull();
    expect(limit.acquire('ada')).toBeNull();
    expect(limit.acquire('bob')).not.toBeNull();
  });

  test('frees one slot, however often it is released', () => {
    const limit = createConcurrencyLimit(2);
    const release = limit.acquire('ada');
    limit.acquire('ada');
    release?.();
    release?.();
    expect(limit.acquire('ada')).not.toBeNull();
    expect(limit.acquire('ada')).toBeNull();
  });
});

describe('a rate limit', () => {
  test('returns the seconds until the next minute, and starts again then', () => {
    let now = 45_000;
    const limit = createRateLimit({ pointsPerMinute: 3, maxPrincipals: 10, now: () => now });
    expect([limit.take('ada', 2), limit.take('ada', 2), limit.take('ada', 1)]).toEqual([null, 15, null]);
    now = 60_000;
    expect(limit.take('ada', 3)).toBeNull();
  });

  test('counts all points of a minute, and those of work that was done without asking', () => {
    let now = 45_000;
    const limit = createRateLimit({ pointsPerMinute: 3, maxPrincipals: 10, now: () => now });
    expect(limit.take('ada', 2)).toBeNull();
    now = 46_000;
    expect(limit.take('ada', 2)).toBe(14);
    limit.add('bob', 10);
    expect(limit.receive('bob', 1)).toBe(14);
    now = 60_000;
    expect(limit.receive('bob', 1)).toBeNull();
  });

  test('forgets the least recently active principal', () => {
    const limit = createRateLimit({ pointsPerMinute: 1, maxPrincipals: 2, now: () => 0 });
    expect(['ada', 'bob', 'eve'].map((principal) => limit.take(principal, 1))).toEqual([null, null, null]);
    expect([limit.take('bob', 1), limit.take('eve', 1), limit.take('ada', 1)]).toEqual([60, 60, null]);
  });
});

describe('the charges of followers', () => {
  test('add up the parts of a point for each principal', async () => {
    const charged: unknown[] = [];
    const receive = (...charge: unknown[]) => {
      charged.push(charge);
      return null;
    };
    const admitRead = createFollowCharges({ receive }, createFakeClock());
    await admitRead('ada', 200, isOpen);
    await admitRead('bob', 50, isOpen);
    for (let run = 0; run < 19; run += 1) await admitRead('ada', 0, isOpen);
    expect(charged).toEqual([
      ['ada', 2],
      ['ada', 1],
    ]);
    await admitRead('bob', 50, isOpen);
    expect(charged.slice(2)).toEqual([['bob', 1]]);
  });

  test('let a follower wait until its principal has points', async () => {
    const clock = createFakeClock();
    const limit = createRateLimit({ pointsPerMinute: 3, maxPrincipals: 10, now: clock.now });
    const admitRead = createFollowCharges(limit, clock);
    await admitRead('ada', 200, isOpen);
    let isAdmitted = false;
    const admitted = admitRead('ada', 200, isOpen)?.then(() => {
      isAdmitted = true;
    });
    await clock.advance(59_999);
    expect(isAdmitted).toBe(false);
    await admitRead('bob', 200, isOpen);
    await clock.advance(1);
    await admitted;
    expect(clock.pending()).toBe(0);
  });

  test('are nothing for a follower that has closed while it waited: its principal keeps the points', async () => {
    const clock = createFakeClock();
    const limit = createRateLimit({ pointsPerMinute: 3, maxPrincipals: 10, now: clock.now });
    const admitRead = createFollowCharges(limit, clock);
    await admitRead('ada', 200, isOpen);
    let isClosed = false;
    const admitted = admitRead('ada', 200, () => !isClosed);
    isClosed = true;
    await clock.advance(60_000);
    await admitted;
    expect(limit.take('ada', 3)).toBeNull();
  });
});
