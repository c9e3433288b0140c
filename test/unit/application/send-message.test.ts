import { expect, test } from 'vitest';
import type { CommandContext } from '../../../src/application/command-context.ts';
import { sendMessage } from '../../../src/application/run/send-message.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { enoughSpace, noQuotas } from '../../attachment-storage.ts';

test('a message that is stored before the interruption fails has an unknown outcome', async () => {
  const session = { id: 'ses_1', key: 'work', archivedAt: null, agentId: null };
  // The rows of the session and of its open run, in the order of the queries.
  const rows: unknown[] = [session, { open: 'run_1', waiting: 0 }];
  const recorded: string[] = [];
  const context = {
    database: {
      query: async () => [rows.shift()],
      reader: { run: { findMany: () => Promise.reject(new StoreError('unavailable', 'lost')) } },
    },
    runStore: {
      async record({ runId }: { runId: string }) {
        recorded.push(runId);
        return { kind: 'recorded', events: [{ seq: 1 }] };
      },
    },
    mutex: { run: (_key: string, work: () => Promise<unknown>) => work() },
    diskSpace: enoughSpace,
    quotas: noQuotas,
    newId: () => 'run_2',
    now: () => 0,
    settings: { models: [], queueLength: 10 },
  } as unknown as CommandContext;
  const message = { sessionKey: 'work', text: 'stop that', whenBusy: 'INTERRUPT' } as const;
  const sent = sendMessage(context, { principal: 'anna', scopes: [] }, message);
  await expect(sent).rejects.toMatchObject({ name: 'StoreError', failure: 'unknown' });
  expect(recorded).toEqual(['run_2']);
});
