import { expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { createSharedRateLimit } from '../../../src/server/access/shared-rate-limit.ts';

/** A limit of 10 points over a database that answers with these rows in turn. */
function limitOver(rows: { points: number; seconds: number }[], pointsPerMinute = 10) {
  const statements: unknown[][] = [];
  const client = {
    async $queryRawUnsafe(_statement: string, ...parameters: unknown[]) {
      statements.push(parameters);
      return rows.slice(statements.length - 1, statements.length);
    },
  };
  const database = { write: (use: (given: typeof client) => unknown) => use(client) } as unknown as Database;
  let now = 1_000_000;
  const limit = createSharedRateLimit({ database, pointsPerMinute, maxPrincipals: 10, now: () => now });
  return { limit, statements, advanceSeconds: (seconds: number) => (now += seconds * 1000) };
}

test('B60: a principal without points is refused without a statement until the minute of the database ends', async () => {
  const { limit, statements, advanceSeconds } = limitOver([
    { points: 10, seconds: 6_015 },
    { points: 11, seconds: 6_015 },
    { points: 5, seconds: 6_060 },
  ]);
  expect(await limit.take('ada', 10)).toBeNull();
  expect(await limit.take('ada', 1)).toBe(45);
  advanceSeconds(15);
  expect(await limit.take('ada', 1)).toBe(30);
  expect(statements).toHaveLength(2);
  advanceSeconds(30);
  expect(await limit.take('ada', 5)).toBeNull();
  expect(statements).toEqual([
    ['ada', 10],
    ['ada', 1],
    ['ada', 5],
  ]);
});

test('B60: another principal is not refused', async () => {
  const { limit } = limitOver([
    { points: 11, seconds: 0 },
    { points: 1, seconds: 0 },
  ]);
  expect(await limit.take('ada', 11)).toBe(60);
  expect(await limit.take('bob', 1)).toBeNull();
});

test('B60: the points of received requests are counted with the next statement, or when they are many', async () => {
  const { limit, statements } = limitOver(
    [
      { points: 6, seconds: 0 },
      { points: 22, seconds: 0 },
    ],
    1000,
  );
  expect(await limit.receive('ada', 2)).toBeNull();
  expect(statements).toEqual([]);
  expect(await limit.take('ada', 4)).toBeNull();
  expect(statements).toEqual([['ada', 6]]);
  for (let count = 0; count < 15; count += 1) await limit.receive('ada', 1);
  expect(statements).toHaveLength(1);
  await limit.receive('ada', 1);
  expect(statements[1]).toEqual(['ada', 16]);
});

test('B60: faulty requests use up the points of a small limit', async () => {
  const { limit } = limitOver([{ points: 11, seconds: 0 }]);
  expect(await limit.receive('ada', 1)).toBe(60);
  expect(await limit.receive('ada', 1)).toBe(60);
});

test('B60: a principal without points is refused its next request, before the points of that are counted', async () => {
  const { limit, statements } = limitOver([{ points: 1001, seconds: 15 }], 1000);
  expect(await limit.take('ada', 1001)).toBe(45);
  expect(await limit.receive('ada', 1)).toBe(45);
  expect(statements).toHaveLength(1);
});

test('B60: the points of work that was done without asking are counted with the next statement', async () => {
  const { limit, statements } = limitOver([{ points: 12, seconds: 0 }], 1000);
  limit.add('ada', 3);
  limit.add('ada', 4);
  expect(statements).toEqual([]);
  await limit.take('ada', 5);
  expect(statements).toEqual([['ada', 12]]);
});
