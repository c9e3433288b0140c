import { expect, test } from 'vitest';
import { StartError } from '../../../src/config/start-error.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { withStoreFailures } from '../../../src/server/commands/store-failure.ts';

const url = 'postgres://runtape:secret@db:5432/runtape';
const failing = (error: Error) =>
  withStoreFailures(url, () => Promise.reject(error)).catch((thrown: unknown) => thrown);

test('a failure of the database becomes a start error that says what to do and shows no password', async () => {
  const full = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  for (const error of [full, new StoreError('unavailable', 'database or disk is full')]) {
    const failure = await failing(error);
    expect(failure).toBeInstanceOf(StartError);
    expect(String(failure)).toMatch(
      /The database postgres:\/\/runtape@db:5432\/runtape cannot be used: database or disk is full\. If the disk is full, make room\./,
    );
  }
});

test('any other error is a defect, and keeps its stack', async () => {
  const defect = new TypeError('x is undefined');
  expect(await failing(defect)).toBe(defect);
  expect(await withStoreFailures(url, async () => 1)).toBe(1);
});
