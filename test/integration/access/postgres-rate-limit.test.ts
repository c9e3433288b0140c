import { describe, expect, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { createSharedRateLimit } from '../../../src/server/access/shared-rate-limit.ts';
import { startTestGateway } from '../gateway.ts';

/** Repeats `work` with another principal until no minute of the database ended while it ran. Resolves with its result. */
async function inOneMinute<Result>(database: Database, work: (principal: string) => Promise<Result>): Promise<Result> {
  const minute = () => database.reader.$queryRawUnsafe('SELECT floor(extract(epoch from now()) / 60)::int AS "minute"');
  for (let attempt = 1; ; attempt += 1) {
    const before = await minute();
    const result = await work(`ada-${attempt}`);
    const after = await minute();
    if (JSON.stringify(after) === JSON.stringify(before)) return result;
  }
}

/** Sends one operation and returns its status. The stream of a subscription is closed once it has started. */
async function statusOf(url: string, principal: string, query: string): Promise<number> {
  const accept = query.startsWith('subscription') ? 'text/event-stream' : 'application/json';
  const closing = new AbortController();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, 'x-principal': principal },
    body: JSON.stringify({ query }),
    signal: closing.signal,
  });
  closing.abort();
  return response.status;
}

const mutation = 'mutation { forget(input: { memoryId: "x" }) { __typename } }';
const subscription = 'subscription { approvalEvents { approval { id } } }';
const query = '{ viewer { principal } }';

describe('B60: servers that share a database', () => {
  test('count the operations of a principal together: 5 points for a mutation, 5 for a subscription, 1 for a query', async () => {
    const first = await startTestGateway({ file: { traffic: { pointsPerMinute: 11 } } });
    const second = await first.startSecondServer();
    const { database } = first.gateway.parts;
    const { statuses, uses } = await inOneMinute(database, async (principal) => ({
      statuses: [
        await statusOf(first.url, principal, mutation),
        await statusOf(second.url, principal, subscription),
        await statusOf(first.url, principal, query),
        await statusOf(second.url, principal, query),
        await statusOf(first.url, principal, query),
      ],
      uses: await database.reader.$queryRawUnsafe(`SELECT "points" FROM "RateUse" WHERE "principal" = $1`, principal),
    }));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    // The points of the two refused operations are counted too.
    expect(uses).toEqual([{ points: 13 }]);
    expect(await statusOf(second.url, 'bob', query)).toBe(200);
  });

  test('give a principal new points in the next minute, and count them from zero', async () => {
    const { gateway } = await startTestGateway();
    const { database } = gateway.parts;
    let skippedMilliseconds = 0;
    const now = () => Date.now() + skippedMilliseconds;
    const createLimit = () => createSharedRateLimit({ database, pointsPerMinute: 10, maxPrincipals: 10, now });
    const servers = [createLimit(), createLimit()] as const;
    const outcomes = await inOneMinute(database, async (principal) => {
      const taken: (number | null)[] = [];
      const take = async (server: 0 | 1, points: number) => taken.push(await servers[server].take(principal, points));
      await take(0, 4);
      await take(1, 6);
      await take(0, 1);
      await take(1, 1);
      // The database's clock cannot be set, so the stored minute and the clocks of the servers are moved instead.
      await database.write((client) => client.$executeRawUnsafe(`UPDATE "RateUse" SET "minute" = "minute" - 1`));
      skippedMilliseconds += 60_000;
      await take(0, 4);
      await take(1, 6);
      await take(1, 1);
      return taken;
    });
    const untilNextMinute = expect.toSatisfy((seconds) => seconds >= 1 && seconds <= 60);
    expect(outcomes).toEqual([null, null, untilNextMinute, untilNextMinute, null, null, untilNextMinute]);
  });
});
