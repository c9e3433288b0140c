import { describe, expect, test } from 'vitest';
import { activityKinds, type Change } from '../../../src/domain/activity.ts';
import type { PageArguments } from '../../../src/domain/page.ts';
import {
  type ActivityQuery,
  activityAfter,
  activityBounds,
  openActivityWriters,
  pageActivity,
  pruneActivity,
  recordChange,
  recordSessionChange,
} from '../../../src/repositories/activity.ts';
import { insertSession } from '../../../src/repositories/sessions.ts';
import { poll } from '../../until.ts';
import { stores } from './both-stores.ts';

const change = (fields: Partial<Change>): Change => ({
  kind: 'SESSION_UPDATED',
  sessionId: 'ses_1',
  runId: null,
  waitId: null,
  state: null,
  occurredAt: new Date(1000),
  ...fields,
});
const wait = (waitId: string) => change({ kind: 'WAIT_OPENED', runId: 'run_1', waitId });

const everything: ActivityQuery = { owner: 'ada', everyDecision: false, kinds: activityKinds, sessionId: null };
const forwards: PageArguments<number> = { size: 10, from: 'start', after: null, before: null };

describe.each(stores)('the feed of changes on %s', (_provider, open) => {
  test('gives positions in the order of the commit, and the owner of the session', async () => {
    const { database } = await open();
    await database.commit([
      recordSessionChange('SESSION_CREATED', { sessionId: 'ses_1', at: 1000 }),
      recordChange(change({ kind: 'RUN_STATE_CHANGED', runId: 'run_1', state: 'DONE' })),
      insertSession({ id: 'ses_1', owner: 'ada', key: 'k', title: null, agentId: null, createdAt: 1000 }),
    ]);
    expect(await activityAfter(database, 0, 10)).toEqual([
      { ...change({ kind: 'SESSION_CREATED' }), position: 1, owner: 'ada' },
      { ...change({ kind: 'RUN_STATE_CHANGED', runId: 'run_1', state: 'DONE' }), position: 2, owner: 'ada' },
    ]);
    expect(await activityAfter(database, 1, 10)).toHaveLength(1);
    expect(await activityBounds(database)).toEqual({ prunedUpTo: 0, newest: 2 });
    expect(await openActivityWriters(database)).toEqual([]);
  });

  test('pages both ways, oldest first, up to a position', async () => {
    const { database } = await open();
    await database.commit(Array.from({ length: 9 }, () => recordChange(change({}), 'ada')));
    const positions = async (page: Partial<PageArguments<number>>, upTo = 8) => {
      const { rows, hasNextPage, hasPreviousPage } = await pageActivity(
        database,
        everything,
        { ...forwards, ...page },
        upTo,
      );
      return [rows.map(({ position }) => position), hasPreviousPage, hasNextPage];
    };
    expect(await positions({})).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], false, false]);
    expect(await positions({ size: 3 })).toEqual([[1, 2, 3], false, true]);
    expect(await positions({ size: 3, after: 3 })).toEqual([[4, 5, 6], true, true]);
    expect(await positions({ size: 3, from: 'end' })).toEqual([[6, 7, 8], true, false]);
    expect(await positions({ size: 3, from: 'end', before: 3 })).toEqual([[1, 2], false, true]);
    expect(await positions({ after: 20 })).toEqual([[], true, false]);
  });

  test('shows a principal its own changes, and an approver the approvals and budget requests of everybody', async () => {
    const { database } = await open();
    await database.commit([
      recordChange(change({}), 'ada'),
      recordChange(change({}), 'bob'),
      recordChange(wait('apr_1'), 'bob'),
      recordChange(wait('que_1'), 'bob'),
      recordChange(wait('apr_2'), 'ada'),
      recordChange(change({ sessionId: 'ses_2' }), 'ada'),
      recordChange({ ...wait('bud_1'), sessionId: 'ses_2' }, 'bob'),
    ]);
    const positions = async (query: Partial<ActivityQuery>, from: 'start' | 'end' = 'start', size = 10) => {
      const page = await pageActivity(database, { ...everything, ...query }, { ...forwards, from, size }, 100);
      return page.rows.map(({ position }) => position);
    };
    expect(await positions({})).toEqual([1, 5, 6]);
    expect(await positions({ everyDecision: true })).toEqual([1, 3, 5, 6, 7]);
    expect(await positions({ everyDecision: true }, 'end', 3)).toEqual([5, 6, 7]);
    expect(await positions({ everyDecision: true, sessionId: 'ses_2' })).toEqual([6, 7]);
    expect(await positions({ everyDecision: true, kinds: ['WAIT_OPENED'] })).toEqual([3, 5, 7]);
    expect(await positions({ kinds: ['WAIT_OPENED', 'WAIT_SETTLED'] })).toEqual([5]);
    expect(await positions({ owner: 'eve' })).toEqual([]);
  });

  test('B65: old changes are deleted in batches, oldest first, and the positions are not given again', async () => {
    const { database } = await open();
    const at = (time: number, count: number) =>
      Array.from({ length: count }, () => recordChange(change({ occurredAt: new Date(time) }), 'ada'));
    // The clock of another server is behind: a change that is older than one before it remains until that one is deleted.
    await database.commit([...at(1000, 2500), ...at(5000, 1), ...at(1000, 1), ...at(5000, 1)]);
    expect(await pruneActivity(database, new Date(2000))).toBe(2500);
    expect(await activityBounds(database)).toEqual({ prunedUpTo: 2500, newest: 2503 });
    expect(await pruneActivity(database, new Date(2000))).toBe(0);
    expect(await pruneActivity(database, new Date(9000))).toBe(3);
    expect(await activityBounds(database)).toEqual({ prunedUpTo: 2503, newest: 2503 });
    await database.commit(at(9000, 1));
    expect((await activityAfter(database, 0, 10)).map(({ position }) => position)).toEqual([2504]);
  });

  test('a transaction that failed leaves nothing behind', async () => {
    const { database } = await open();
    const broken = recordChange(change({ sessionId: 'ses_unknown' }));
    await expect(database.commit([recordChange(change({}), 'ada'), broken])).rejects.toMatchObject({
      failure: 'constraint',
    });
    expect(await activityAfter(database, 0, 10)).toEqual([]);
    // Postgres answers before it has given up the locks of the transaction.
    await poll(async () => (await openActivityWriters(database)).length === 0);
  });
});
