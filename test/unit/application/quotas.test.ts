import { expect, test } from 'vitest';
import { createQuotas } from '../../../src/application/quotas.ts';
import type { Database } from '../../../src/database/database.ts';

/** Quotas of a principal whose bytes in sessions a test sets. Attachments have none. */
function quotasWith(limits: { maxStoredBytes?: number; maxSessions?: number }) {
  const state = { storedBytes: 0, sessions: 0, now: 0, queries: 0 };
  const database = {
    async query(statement: { columns: object }) {
      state.queries += 1;
      return 'sessions' in statement.columns ? [{ ...state }] : [{ storedBytes: 0 }];
    },
  } as unknown as Database;
  const limitsOf = () => ({ maxStoredBytes: null, maxSessions: null, maxMemories: null, ...limits });
  const quotas = createQuotas({ database, limitsOf, now: () => state.now });
  return { state, quotas, check: (addition: Parameters<typeof quotas.check>[1]) => quotas.check('ada', addition) };
}

test('without a quota nothing is counted', async () => {
  const { state, quotas, check } = quotasWith({});
  expect(await check({ bytes: 5, session: true })).toBeNull();
  expect(quotas.sessionRows('ada')).toEqual([]);
  expect(state.queries).toBe(0);
  const sessionsOnly = quotasWith({ maxSessions: 1 });
  expect(await sessionsOnly.check({ bytes: 0 })).toBeNull();
  expect(sessionsOnly.state.queries).toBe(0);
});

test('messages are counted at most every five seconds while 64 MiB are left, then each', async () => {
  const MiB = 1024 * 1024;
  const { state, check } = quotasWith({ maxStoredBytes: 100 * MiB });
  const counted = async () => {
    const before = state.queries;
    await check({ bytes: 0 });
    return state.queries > before;
  };
  state.storedBytes = 36 * MiB;
  expect([await counted(), await counted()]).toEqual([true, false]);
  expect(await check({ bytes: 70 * MiB })).toMatchObject({ used: 36 * MiB });
  state.now = 4999;
  expect(await counted()).toBe(false);
  state.now = 5000;
  state.storedBytes += 1;
  expect([await counted(), await counted()]).toEqual([true, true]);
  state.storedBytes = 100 * MiB;
  expect(await check({ bytes: 0 })).toMatchObject({
    limit: 'storedBytesPerOwner',
    used: 100 * MiB,
    allowed: 100 * MiB,
    message: expect.stringMatching(/ bytes are stored.*\. Purge sessions that are no longer needed\.$/),
  });
  expect(await check({})).toBeNull();
});

test('an upload is always counted, and fits exactly', async () => {
  const { state, check } = quotasWith({ maxStoredBytes: 100 });
  await check({ bytes: 0 });
  expect(await check({ bytes: 100 })).toBeNull();
  expect(await check({ bytes: 101 })).toMatchObject({ used: 0, allowed: 100 });
  state.storedBytes = 99;
  expect(await check({ bytes: 1 })).toBeNull();
  expect(await check({ bytes: 2 })).toMatchObject({
    used: 99,
    message: expect.stringContaining(' 2 more do not fit. '),
  });
});

test('a new session is refused when the last one is used', async () => {
  const { state, quotas, check } = quotasWith({ maxSessions: 2 });
  expect(quotas.sessionRows('ada')).toHaveLength(1);
  state.sessions = 1;
  expect(await check({ bytes: 0, session: true })).toBeNull();
  state.sessions = 2;
  expect(await check({ bytes: 0, session: true })).toMatchObject({
    limit: 'sessionsPerOwner',
    used: 2,
    allowed: 2,
    message: expect.stringContaining('sessions are stored, archived ones included'),
  });
  expect(await check({ bytes: 0 })).toBeNull();
});
