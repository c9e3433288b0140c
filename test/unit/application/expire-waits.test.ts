import { describe, expect, test } from 'vitest';
import { expireWaits } from '../../../src/application/wait/expire-waits.ts';
import { StoreError } from '../../../src/database/store-error.ts';

/** Expires three waits, the second of which fails. */
async function expireThree(failure: Error) {
  const expired: string[] = [];
  const logged: object[] = [];
  const waits = ['a', 'b', 'c'].map((name) => ({ id: `wait_${name}`, runId: `run_${name}`, sessionId: 'ses_1' }));
  const context = {
    database: { reader: { wait: { findMany: async () => waits } } },
    runStore: {
      async record({ runId }: { runId: string }) {
        if (runId === 'run_b') throw failure;
        expired.push(runId);
        return { kind: 'recorded' };
      },
    },
    logger: { error: (entry: object) => void logged.push(entry) },
    now: () => 0,
    settings: { onExpiry: 'deny' },
  } as never;
  const outcome = await expireWaits(context).then(
    () => 'done',
    (error: unknown) => error,
  );
  return { outcome, expired, logged };
}

describe('waits that nobody settled in time', () => {
  test('expire although the tape of another one cannot be read', async () => {
    const failure = new Error('Event 3 of run_b cannot be read.');
    const { outcome, expired, logged } = await expireThree(failure);
    expect([outcome, expired]).toEqual(['done', ['run_a', 'run_c']]);
    expect(logged).toEqual([{ err: failure, waitId: 'wait_b', runId: 'run_b' }]);
  });

  test('wait for the next sweep while the store fails', async () => {
    const failure = new StoreError('unavailable', 'away');
    expect(await expireThree(failure)).toEqual({ outcome: failure, expired: ['run_a'], logged: [] });
  });
});
