import { describe, expect, test } from 'vitest';
import {
  claimLeases,
  expireAllLeases,
  firstLease,
  holdsLease,
  type LeaseTerm,
  nextEpoch,
  nextForeignExpiry,
  nextLease,
  releaseLease,
  renewLeases,
} from '../../../src/orchestrator/leases.ts';
import { append, newRunId, opening } from '../appends.ts';
import { type Store, stores } from './both-stores.ts';

const term = (holder: string, leaseMilliseconds = 60_000): LeaseTerm => ({
  holder,
  now: Date.now(),
  leaseMilliseconds,
});

/** Two tapes of each of two servers, and when the lease of a run ends. */
async function openWithLeases({ database, journal }: Store) {
  const runs = { first: [newRunId(), newRunId()], second: [newRunId(), newRunId()] };
  for (const [holder, runIds] of Object.entries(runs)) {
    for (const runId of runIds) {
      await append(journal, runId, 0, ...opening);
      await database.commit([firstLease(term(holder), runId)]);
    }
  }
  const leases = async (runIds: readonly string[]) => {
    const rows = await database.reader.lease.findMany({
      where: { runId: { in: [...runIds] } },
      orderBy: { runId: 'asc' },
    });
    return rows.map(({ holder, epoch, expiresAt }) => ({ holder, epoch, endsAt: expiresAt.getTime() }));
  };
  return { ...runs, leases };
}

describe.each(stores)('leases on %s', (_provider, open) => {
  test('B21: a renewal extends the leases of its own server, and reports only these', async () => {
    const store = await open();
    const { first, second, leases } = await openWithLeases(store);
    const [ownBefore, foreignBefore] = [await leases(first), await leases(second)];
    const held = await renewLeases(store.database, term('first', 300_000), [...first, ...second]);
    expect([...held].sort()).toEqual([...first].sort());
    expect(await leases(second)).toEqual(foreignBefore);
    const own = await leases(first);
    for (const [index, lease] of own.entries()) {
      expect(lease).toMatchObject({ holder: 'first', epoch: 1 });
      expect(lease.endsAt - (ownBefore[index]?.endsAt ?? 0)).toBeGreaterThan(200_000);
    }
  });

  test('B21: a renewal extends only the leases that it names, and none that was released', async () => {
    const store = await open();
    const { first, leases } = await openWithLeases(store);
    const [one = '', other = ''] = first;
    const otherBefore = await leases([other]);
    expect(await renewLeases(store.database, term('first', 300_000), [one])).toEqual(new Set([one]));
    expect(await leases([other])).toEqual(otherBefore);
    await store.database.commit([releaseLease({ runId: one, epoch: 1 })]);
    expect(await renewLeases(store.database, term('first'), [one])).toEqual(new Set());
    expect(await leases([one])).toMatchObject([{ holder: null, epoch: 1 }]);
  });

  test('B21: only the holder with the newest epoch releases a lease', async () => {
    const store = await open();
    const { first, leases } = await openWithLeases(store);
    const [runId = ''] = first;
    await store.database.commit([releaseLease({ runId, epoch: 2 })]);
    expect(await leases([runId])).toMatchObject([{ holder: 'first', epoch: 1 }]);
    expect(await holdsLease(store.database, 'first', { runId, epoch: 1 })).toBe(true);
    expect(await holdsLease(store.database, 'second', { runId, epoch: 1 })).toBe(false);
  });

  test('B21: a run that waits has a next epoch, and its next lease goes to one server', async () => {
    const store = await open();
    const { database } = store;
    const { first, leases } = await openWithLeases(store);
    const [runId = ''] = first;
    const [{ endsAt } = { endsAt: 0 }] = await leases([runId]);
    expect(Math.abs(endsAt - Date.now() - 60_000)).toBeLessThan(30_000);
    expect(await nextEpoch(database, runId)).toBeNull();
    expect(await nextEpoch(database, newRunId())).toBeNull();
    await database.commit([releaseLease({ runId, epoch: 1 })]);
    expect(await nextEpoch(database, runId)).toBe(2);
    await database.commit([nextLease(term('second', 300_000), { runId, epoch: 2 })]);
    await database.commit([nextLease(term('third', 900_000), { runId, epoch: 2 })]);
    const [lease] = await leases([runId]);
    expect(lease).toMatchObject({ holder: 'second', epoch: 2 });
    expect(Math.abs((lease?.endsAt ?? 0) - Date.now() - 300_000)).toBeLessThan(60_000);
  });

  test('B21: every lease that has a holder can be ended, when only one server uses the store', async () => {
    const store = await open();
    const { first, second, leases } = await openWithLeases(store);
    const [one = '', other = ''] = first;
    await store.database.commit([releaseLease({ runId: one, epoch: 1 })]);
    const released = await leases([one]);
    const now = new Date(1_000_000);
    await expireAllLeases(store.database, now);
    expect(await leases([one])).toEqual(released);
    expect(await leases([other])).toEqual([{ holder: 'first', epoch: 1, endsAt: now.getTime() }]);
    expect(await leases(second)).toMatchObject([{ endsAt: now.getTime() }, { endsAt: now.getTime() }]);
  });

  test('B21: a claim takes no lease that another server holds', async () => {
    const store = await open();
    await openWithLeases(store);
    expect(await claimLeases(store.database, term('third'), 10)).toEqual([]);
  });

  test('the next expiry is that of the leases of other servers', async () => {
    const store = await open();
    const { database } = store;
    await openWithLeases(store);
    const expiry = await nextForeignExpiry(database, 'first');
    // A SQLite file has one server.
    if (database.isShared) expect(expiry).toBeGreaterThan(0);
    else expect(expiry).toBeNull();
    await renewLeases(
      database,
      term('second', 900_000),
      (await database.reader.lease.findMany()).map(({ runId }) => runId),
    );
    if (database.isShared) expect(await nextForeignExpiry(database, 'first')).toBeGreaterThan(800_000);
  });
});
