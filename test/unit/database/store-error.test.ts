import { expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { toStoreError } from '../../../src/database/store-error.ts';
import { watchWrites } from '../../../src/database/write-health.ts';
import { createFakeClock } from '../fake-clock.ts';

const driverError = (code: string) => Object.assign(new Error('disk I/O error'), { code });

test.each([
  ['SQLITE_IOERR_FSYNC', 'unknown'],
  ['SQLITE_IOERR_WRITE', 'unavailable'],
  ['SQLITE_FULL', 'unavailable'],
  ['SQLITE_BUSY_SNAPSHOT', 'busy'],
  ['55P03', 'locked'],
  ['SQLITE_CONSTRAINT_TRIGGER', 'constraint'],
])('a commit that fails with %s is %s', (code, failure) => {
  expect(toStoreError(driverError(code))).toMatchObject({ name: 'StoreError', failure, detail: 'disk I/O error' });
});

test('a database whose disk cannot sync is not ready, because of the disk', async () => {
  const failing = async () => {
    throw toStoreError(driverError('SQLITE_IOERR_FSYNC'));
  };
  const unwatched = {
    problem: () => null,
    reader: { session: { findFirst: async () => null } },
    commit: failing,
    query: failing,
  } as unknown as Database;
  const { database, problem } = watchWrites(unwatched, createFakeClock());
  expect(await problem()).toBeNull();
  await expect(database.commit([])).rejects.toMatchObject({ failure: 'unknown' });
  expect(await problem()).toBe('the database cannot store changes: the disk reports errors');
});

test('a row that another transaction keeps locked says nothing about the database', async () => {
  const commit = async () => {
    throw toStoreError(driverError('55P03'));
  };
  const reader = { session: { findFirst: async () => null } };
  const unwatched = { problem: () => null, reader, commit } as unknown as Database;
  const { database, problem } = watchWrites(unwatched, createFakeClock());
  await expect(database.commit([])).rejects.toMatchObject({ failure: 'locked' });
  expect(await problem()).toBeNull();
});
