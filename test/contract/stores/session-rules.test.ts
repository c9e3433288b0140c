import { describe, expect, test } from 'vitest';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { RunStatus } from '../../../src/domain/transitions.ts';
import { runRows } from '../../../src/projections/runs.ts';
import { sessionActivityRows } from '../../../src/projections/session-activity.ts';
import { insertSession } from '../../../src/repositories/sessions.ts';
import { inProgress, origin, runOf, steered, tape, tapeTo } from '../../unit/domain/given.ts';
import { newRunId } from '../appends.ts';
import { type Store, stores } from './both-stores.ts';

const { sessionId } = origin;

async function openWithSession(open: () => Promise<Store>) {
  const { database } = await open();
  await database.commit([
    insertSession({ id: sessionId, owner: 'ada', key: 'k', title: null, agentId: null, createdAt: 1000 }),
  ]);
  return database;
}

describe.each(stores)('a session on %s', (_provider, open) => {
  /** The row of a new run in this status. */
  function runRow(status: RunStatus, turn: number | null): RowWrite[] {
    const run = { ...runOf(tapeTo[status]), runId: newRunId(), turn };
    return runRows(run, tape(tapeTo.PENDING));
  }

  test.each<[RunStatus, RunStatus]>([
    ['IN_PROGRESS', 'IN_PROGRESS'],
    ['IN_PROGRESS', 'AWAITING_APPROVAL'],
    ['AWAITING_APPROVAL', 'IN_PROGRESS'],
    ['AWAITING_APPROVAL', 'AWAITING_APPROVAL'],
  ])('has at most one active run: one is %s, and one that is %s is refused', async (first, second) => {
    const database = await openWithSession(open);
    await database.commit(runRow(first, 1));
    await expect(database.commit(runRow(second, 2))).rejects.toMatchObject({ failure: 'constraint' });
    expect(await database.reader.run.count()).toBe(1);
  });

  test.each<RunStatus>(['PENDING', 'DONE', 'FAILED', 'CANCELLED'])(
    'may have any number of runs that are %s beside an active one',
    async (status) => {
      const database = await openWithSession(open);
      await database.commit(runRow('AWAITING_APPROVAL', 1));
      for (const turn of [2, 3]) await database.commit(runRow(status, status === 'PENDING' ? null : turn));
      expect(await database.reader.run.count()).toBe(3);
    },
  );

  describe('in the order of activity', () => {
    const run = runOf(inProgress);
    const messageAt = (recordedAt: number) => sessionActivityRows(run, tape(recordedAt, steered('more')));

    async function activeAtAfter(...commits: RowWrite[][]): Promise<number | undefined> {
      const database = await openWithSession(open);
      for (const writes of commits) await database.commit(writes);
      return (await database.reader.session.findUnique({ where: { id: sessionId } }))?.activeAt.getTime();
    }

    test('moves to the time of its newest event', async () => {
      expect(await activeAtAfter(messageAt(5000), messageAt(7000))).toBe(7000);
    });

    test('does not move back when a server whose clock is late appends after another one', async () => {
      expect(await activeAtAfter(messageAt(7000), messageAt(5000))).toBe(7000);
      expect(await activeAtAfter(messageAt(500))).toBe(1000);
    });

    test('moves to the newest time of one commit, whatever their order is', async () => {
      expect(await activeAtAfter([...messageAt(5000), ...messageAt(9000), ...messageAt(7000)])).toBe(9000);
    });
  });
});
