import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { SCANS_PER_OWNER } from '../../../src/config/limits.ts';
import { createScanThread, type ScanThread } from '../../../src/database/sqlite/scan-thread.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { statement } from '../../../src/database/statement.ts';
import { copyTemplate } from '../../sqlite-files.ts';
import { turnsUntil } from '../../turns.ts';

/** Counts to its parameter. */
const counting = statement<{ count: number }>(
  { count: 'int' },
  () => 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n',
);
const LONG = 2_000_000;

async function openThread(): Promise<ScanThread> {
  const thread = createScanThread(await copyTemplate());
  onTestFinished(() => thread.close());
  return thread;
}

test('B60: a statement that looks through many rows of a large file does not hold the event loop', async () => {
  const url = `file:${await copyTemplate()}`;
  const scan = { ...counting, scansRowsOf: 'ada' };
  const large = await openSqlite({ url, durability: 'normal', smallBytes: 0 });
  try {
    // Starts the thread.
    expect(await large.query(scan, 1)).toEqual([{ count: 1 }]);
    expect(await turnsUntil(large.query(scan, LONG))).toBeGreaterThan(20);
  } finally {
    await large.close();
  }
  const small = await openSqlite({ url, durability: 'normal' });
  try {
    expect(await turnsUntil(small.query(scan, LONG))).toBeLessThan(20);
  } finally {
    await small.close();
  }
});

test('B60: owners take turns, and one cannot queue any number of statements', async () => {
  const thread = await openThread();
  const order: string[] = [];
  const select = (owner: string) => thread.select(owner, counting, [1]).then(() => order.push(owner));
  const waiting = ['mallory', 'mallory', 'mallory', 'ada', 'ada', 'grace'].map(select);
  await Promise.all(waiting);
  // The first statement runs before the others are there.
  expect(order).toEqual(['mallory', 'mallory', 'ada', 'grace', 'mallory', 'ada']);

  const many = Array.from({ length: SCANS_PER_OWNER + 1 }, () => thread.select('mallory', counting, [1]));
  const refused = expect(thread.select('mallory', counting, [1])).rejects.toMatchObject({ failure: 'busy' });
  expect(await thread.select('ada', counting, [1])).toEqual([{ count: 1 }]);
  await refused;
  await Promise.all(many);
});

test.runIf(process.platform === 'linux')('on Linux the thread has a lower priority than the others', async () => {
  /** The 19th field of `stat`, counted from the third, which follows the name in parentheses. */
  const priorityOf = (id: string) =>
    Number(readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]);
  const priorities = () => readdirSync('/proc/self/task').map(priorityOf);
  const own = getPriority();
  const thread = await openThread();
  expect(await thread.select('ada', counting, [1])).toEqual([{ count: 1 }]);
  // Nobody may raise a priority that is lower already.
  const expected = own < constants.priority.PRIORITY_BELOW_NORMAL ? [constants.priority.PRIORITY_BELOW_NORMAL] : [];
  expect(priorities().filter((priority) => priority !== own)).toEqual(expected);
  expect(getPriority()).toBe(own);
});

test('a statement that fails is a StoreError, and the thread goes on', async () => {
  const thread = await openThread();
  const wrong = { ...counting, sqlite: 'SELECT nothing FROM nowhere' };
  await expect(thread.select('ada', wrong, [])).rejects.toMatchObject({ name: 'StoreError', failure: 'unavailable' });
  expect(await thread.select('ada', counting, [2])).toEqual([{ count: 2 }]);
  const interrupted = expect(thread.select('ada', counting, [1e12])).rejects.toMatchObject({ failure: 'unavailable' });
  await thread.close();
  await interrupted;
});
