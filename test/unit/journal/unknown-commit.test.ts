import { expect, test } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { sequenceEvents } from '../../../src/domain/run.ts';
import { createAppender, type PlannedWrite, type TapeStore } from '../../../src/journal/appender.ts';
import { decode } from '../../../src/journal/codec.ts';

const origin = { sessionId: 'ses_1', agentId: null, model: null, retryOf: null, urgent: false, scopes: [] };
const payload = { text: 'hello', steered: false, idempotencyKey: null, origin };
const position = { runId: 'run_1', now: 0, epoch: null };
const events = sequenceEvents(null, position, [{ type: 'input', actor: 'USER', payload }]);
const request = { runId: 'run_1', sessionId: 'ses_1', epoch: null, expectedHead: 0, events, writes: [] };

/** A store that commits the first write and loses the answer, then cannot be read for a number of times. */
function openAppender(failedReads: number) {
  const stored: PlannedWrite[] = [];
  let readsLeftToFail = failedReads;
  const store: TapeStore = {
    heads: async () => new Map(),
    async write(planned) {
      if (stored.length > 0) throw new StoreError('constraint', 'tape_seq');
      stored.push(...planned);
      throw new StoreError('unknown', 'connection lost');
    },
    async read() {
      readsLeftToFail -= 1;
      if (readsLeftToFail >= 0) throw new StoreError('unavailable', 'connection lost');
      return stored.flatMap(({ plan }) => plan.stored.map(decode));
    },
  };
  const clock = { sleep: async () => undefined } as unknown as Clock;
  return createAppender(store, () => undefined, clock);
}

test('a stored append is found when the database can be read again', async () => {
  expect(await openAppender(2).append(request)).toMatchObject({ kind: 'appended' });
});

test('an append stays unknown while the database cannot be read', async () => {
  const append = openAppender(Number.POSITIVE_INFINITY).append(request);
  await expect(append).rejects.toMatchObject({ name: 'StoreError', failure: 'unknown' });
});
