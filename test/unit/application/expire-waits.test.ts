import { describe, expect, test } from 'vitest';
import { createWaitExpiry } from '../../../src/application/wait/expire-waits.ts';
import { StoreError } from '../../../src/database/store-error.ts';

const HOUR_MILLISECONDS = 60 * 60 * 1000;

/** Three waits that have expired, the second of which cannot be recorded. */
function openThree(failure: Error) {
  const open = new Set(['a', 'b', 'c']);
  const logged: object[] = [];
  const tried: string[] = [];
  let now = 0;
  const findMany = async ({ where }: { where: { id: { notIn: string[] } } }) =>
    [...open].map(waitOf).filter(({ id }) => !where.id.notIn.includes(id));
  const context = {
    database: { reader: { wait: { findMany } } },
    runStore: {
      async record({ runId }: { runId: string }) {
        const name = runId.replace('run_', '');
        tried.push(name);
        if (name === 'b') throw failure;
        open.delete(name);
        return { kind: 'recorded' };
      },
    },
    logger: { error: (entry: object) => void logged.push(entry) },
    now: () => now,
    settings: { onExpiry: 'deny' },
  } as never;
  const expire = createWaitExpiry(context);
  return {
    logged,
    tried,
    passTime(milliseconds: number) {
      now += milliseconds;
    },
    expire: () => expire().catch((error: unknown) => error),
  };
}

const waitOf = (name: string) => ({ id: `wait_${name}`, runId: `run_${name}`, sessionId: 'ses_1' });

describe('waits that nobody settled in time', () => {
  test('expire although the tape of another one cannot be read, which is tried again after an hour', async () => {
    const failure = new Error('Event 3 of run_b cannot be read.');
    const { expire, passTime, tried, logged } = openThree(failure);
    await expire();
    expect(tried).toEqual(['a', 'b', 'c']);
    expect(logged).toEqual([{ err: failure, waitId: 'wait_b', runId: 'run_b' }]);
    passTime(HOUR_MILLISECONDS - 1);
    await expire();
    expect(tried).toHaveLength(3);
    passTime(1);
    await expire();
    expect(tried.slice(3)).toEqual(['b']);
    expect(logged).toHaveLength(2);
  });

  test('wait for the next sweep while the store fails', async () => {
    const failure = new StoreError('unavailable', 'away');
    const { expire, tried, logged } = openThree(failure);
    expect(await expire()).toBe(failure);
    expect(await expire()).toBe(failure);
    expect([tried, logged]).toEqual([['a', 'b', 'b'], []]);
  });
});
