import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CountsDocument, SendMessageDocument, UsageReportDocument } from '../../generated/graphql.ts';
import { type InProcess, openInProcess, requestApproval } from './in-process.ts';

/** As configured by `openInProcess`. */
const COUNTED_ITEMS = 5;

let gateway: InProcess;
beforeAll(async () => {
  gateway = await openInProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function sendMessages(principal: string, count: number, sessionOf = (index: number) => `key-${index}`) {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const input = { sessionKey: sessionOf(index), text: 'hello', metadata: { parity: String(index % 2) } };
    const { sendMessage } = await gateway.data(SendMessageDocument, { input }, { principal });
    if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(sendMessage.message);
    ids.push(sendMessage.run.id);
  }
  return ids;
}

/** The number of statements of a document. */
async function statementsOf(document: string, principal: string): Promise<number> {
  const before = gateway.statements();
  const { errors } = await gateway.run(document, {}, { principal });
  expect(errors).toBeUndefined();
  return gateway.statements() - before;
}

const exactly = (totalCount: number) => ({ totalCount, totalCountIsExact: true });

describe('B74: the total count of a list', () => {
  test('is exact up to the configured limit, and capped beyond it', async () => {
    await sendMessages('capped', COUNTED_ITEMS);
    expect((await gateway.data(CountsDocument, {}, { principal: 'capped' })).runs).toEqual(exactly(COUNTED_ITEMS));
    await sendMessages('capped', 1);
    const { runs, sessions } = await gateway.data(CountsDocument, {}, { principal: 'capped' });
    expect(runs).toEqual({ totalCount: COUNTED_ITEMS, totalCountIsExact: false });
    expect(sessions).toEqual(exactly(COUNTED_ITEMS));
  });

  test('counts what the filter selects, of the viewer only, with the approvals of all principals for an approver', async () => {
    const [run = ''] = await sendMessages('filtered', 3);
    await requestApproval(gateway, run);
    const filters = {
      sessions: { states: ['PENDING' as const] },
      runs: { metadata: { parity: '0' }, states: ['PENDING' as const] },
      approvals: { statuses: ['PENDING' as const] },
    };
    const counts = (options: object) => gateway.data(CountsDocument, filters, options);
    expect(await counts({ principal: 'filtered' })).toEqual({
      sessions: exactly(2),
      runs: exactly(1),
      approvals: exactly(1),
    });
    const none = { sessions: exactly(0), runs: exactly(0), approvals: exactly(0) };
    expect(await counts({ principal: 'nobody' })).toEqual(none);
    const approver = { principal: 'eve', scopes: ['read', 'approve', 'approve:any'] };
    expect(await counts(approver)).toEqual({ ...none, approvals: exactly(1) });
  });

  test('does not depend on the page, and has a value in a search and in the lists of a session', async () => {
    await sendMessages('listed', 3, () => 'one');
    const document = `{
      first: runs(first: 1) { totalCount }
      last: runs(last: 1) { totalCount nodes { id } }
      found: sessions(filter: { search: "hello" }) { totalCount totalCountIsExact }
      missed: sessions(filter: { search: "goodbye" }) { totalCount }
      sessions(orderBy: LAST_ACTIVITY) { totalCount nodes { runs(first: 1) { totalCount } branches { totalCount } } }
    }`;
    const { data } = await gateway.run(document, {}, { principal: 'listed' });
    expect(data).toMatchObject({
      first: { totalCount: 3 },
      last: { totalCount: 3, nodes: [{}] },
      found: exactly(1),
      missed: { totalCount: 0 },
      sessions: { totalCount: 1, nodes: [{ runs: { totalCount: 3 }, branches: { totalCount: 0 } }] },
    });
  });

  test.each(['sessions', 'runs', 'approvals'])(
    'of %s costs one statement, and only if it is selected',
    async (list) => {
      const principal = `statements-${list}`;
      await sendMessages(principal, 2);
      const without = await statementsOf(`{ ${list} { nodes { id } } }`, principal);
      const selections = [
        'totalCount',
        'totalCountIsExact',
        'a: totalCount totalCount totalCountIsExact',
        '... { ... { totalCount } }',
      ];
      for (const selection of selections) {
        expect(await statementsOf(`{ ${list} { nodes { id } ${selection} } }`, principal)).toBe(without + 1);
      }
      expect(await statementsOf(`{ ${list} { nodes { id } totalCount @skip(if: true) } }`, principal)).toBe(without);
    },
  );
});

test('queue positions cost one statement for a page of runs of many sessions', async () => {
  const positions = (first: number) => statementsOf(`{ runs(first: ${first}) { nodes { queuePosition } } }`, 'queued');
  await sendMessages('queued', 30);
  await sendMessages('queued', 30);
  expect(await positions(50)).toBe(await positions(2));
  expect(await positions(50)).toBe(2);
});

test('a page of a usage report costs a constant number of statements', async () => {
  await sendMessages('reported', 30);
  const count = async (first: number) => {
    const before = gateway.statements();
    const variables = { since: '2020-01-01T00:00:00Z', groupBy: ['SESSION' as const, 'DAY' as const], first };
    const { usageReport } = await gateway.data(UsageReportDocument, variables, { principal: 'reported' });
    expect(usageReport.edges).toHaveLength(Math.min(first, 30));
    return gateway.statements() - before;
  };
  expect(await count(30)).toBe(await count(1));
  expect(await count(30)).toBe(2);
});
