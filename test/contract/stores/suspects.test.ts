import { describe, expect, test } from 'vitest';
import {
  claimLeases,
  claimSuspect,
  clearSuspicion,
  type Lease,
  type LeaseTerm,
  releaseEndedLeases,
  releaseLease,
  suspectRun,
  waitingWork,
} from '../../../src/orchestrator/leases.ts';
import { chargeAbandonedCalls, reserveBudget } from '../../../src/repositories/budget-ledger.ts';
import { append, newRunId, opening, sequence, sessionId } from '../appends.ts';
import { type Store, stores } from './both-stores.ts';

const term = (holder: string, leaseMilliseconds = 60_000): LeaseTerm => ({
  holder,
  now: Date.now(),
  leaseMilliseconds,
});
/** A lease that has run out when it is taken: its holder is lost at once. */
const lostTerm = (holder: string) => term(holder, -1);

/** Runs in progress, each in a session of its own. */
async function openWithRuns({ database, journal }: Store, count: number): Promise<string[]> {
  const runIds = sequence(count).map(() => newRunId());
  const at = new Date();
  for (const [index, id] of runIds.entries()) {
    const ofRun = `${sessionId}${index}`;
    await append(journal, id, 0, ...opening);
    await database.write(async (client) => {
      await client.session.create({ data: { id: ofRun, owner: 'ada', key: ofRun, createdAt: at, activeAt: at } });
      await client.run.create({
        data: {
          id,
          sessionId: ofRun,
          state: 'IN_PROGRESS',
          urgent: false,
          input: 'hello',
          createdAt: at,
          steps: 0,
          resumptions: 0,
          inputTokens: 0,
          outputTokens: 0,
          usageEstimated: false,
        },
      });
    });
  }
  return runIds;
}

const facts = (leases: readonly Lease[]) =>
  leases.map(({ runId, lost, alone, suspicion }) => ({ runId, lost, alone, suspicion }));

describe.each(stores)('leases of lost runs on %s', (_provider, open) => {
  test('B94: end when the run has ended, although nobody claims it, and what its call had reserved is charged', async () => {
    const store = await open();
    const { database } = store;
    const [held = '', ended = '', active = ''] = await openWithRuns(store, 3);
    await claimLeases(database, term('working'), 1);
    await claimLeases(database, lostTerm('lost'), 2);
    const account = { key: 'tokens', kind: 'TOKENS', endsAt: null } as const;
    for (const runId of [held, ended, active]) {
      const amounts = new Map([[account.key, 10]]);
      const call = { runId, epoch: 1, owner: 'ada' };
      await reserveBudget(database, call, [account], () => ({ kind: 'reserved', outputTokens: 10, amounts }));
    }
    await database.write((client) =>
      client.run.updateMany({ where: { id: { in: [held, ended] } }, data: { state: 'CANCELLED' } }),
    );
    expect(await releaseEndedLeases(database, Date.now())).toEqual([ended]);
    expect(await releaseEndedLeases(database, Date.now())).toEqual([]);
    await chargeAbandonedCalls(database);
    expect(await database.reader.budgetUse.findMany({ select: { spent: true } })).toEqual([{ spent: 10 }]);
    expect(await database.reader.budgetReservation.count()).toBe(2);
    // The server that was lost executed two runs, and either could be the cause.
    expect(facts(await claimLeases(database, term('next'), 10))).toEqual([
      { runId: active, lost: true, alone: false, suspicion: 0 },
    ]);
  });

  test('B49: tell whether the lost holder executed another run', async () => {
    const store = await open();
    const [one = '', other = ''] = await openWithRuns(store, 2);
    const { database } = store;
    await claimLeases(database, lostTerm('first'), 10);
    const together = await claimLeases(database, lostTerm('second'), 10);
    const expected = { lost: true, alone: false, suspicion: 0 };
    expect(new Set(facts(together))).toEqual(new Set([one, other].map((runId) => ({ runId, ...expected }))));
    // Claimed one after the other, they were at work together all the same.
    const [earlier] = await claimLeases(database, term('third'), 1);
    const [later] = await claimLeases(database, lostTerm('third'), 1);
    expect([earlier, later]).toMatchObject([expected, expected]);
    await database.commit([releaseLease({ runId: earlier?.runId ?? '', epoch: earlier?.epoch ?? 0 })]);
    await database.write((client) =>
      client.run.update({ where: { id: earlier?.runId ?? '' }, data: { state: 'DONE' } }),
    );
    const [alone] = await claimLeases(database, term('fourth'), 10);
    expect(alone).toMatchObject({ runId: later?.runId, lost: true, alone: true });
  });

  test('B49: suspects are claimed one at a time, and the one that was lost again comes last', async () => {
    const store = await open();
    const { database } = store;
    const runIds = await openWithRuns(store, 3);
    const [one = '', two = '', three = ''] = runIds;
    await claimLeases(database, lostTerm('first'), 10);
    const claimed = await claimLeases(database, term('second'), 10);
    expect(await waitingWork(database)).toEqual({ pending: false, suspects: false });
    await database.commit(claimed.map(suspectRun));
    expect(await waitingWork(database)).toEqual({ pending: false, suspects: true });
    expect(await claimLeases(database, term('third'), 10)).toEqual([]);
    const [tried] = await claimSuspect(database, lostTerm('third'));
    expect(tried).toMatchObject({ runId: one, lost: true, alone: false, suspicion: 1 });
    const [next] = await claimSuspect(database, term('fourth'));
    expect(next).toMatchObject({ runId: two, suspicion: 1 });
    expect(await claimSuspect(database, term('fifth'))).toEqual([]);
    // Progress makes room for the next one.
    if (next) await database.commit([clearSuspicion(next)]);
    const [third] = await claimSuspect(database, term('fifth'));
    expect(third).toMatchObject({ runId: three, suspicion: 1 });
    if (third) await database.commit([releaseLease(third)]);
    const [again] = await claimSuspect(database, term('sixth'));
    expect(again).toMatchObject({ runId: one, lost: true, alone: true, suspicion: 2 });
    expect(again?.epoch).toBe((tried?.epoch ?? 0) + 1);
  });

  test('B49: servers that search at the same moment try one suspect', async () => {
    const store = await open();
    const { database } = store;
    await openWithRuns(store, 4);
    await database.commit((await claimLeases(database, term('first'), 10)).map(suspectRun));
    const servers = sequence(6).map((n) => claimSuspect(database, term(`server ${n}`)));
    expect((await Promise.all(servers)).flat()).toHaveLength(1);
  });
});
