import { expect, test } from 'vitest';
import {
  ArchiveSessionDocument,
  CancelRunDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  RunTapeDocument,
  type SessionOrder,
  SessionsDocument,
  type SessionsQueryVariables,
} from '../../generated/graphql.ts';
import { branch } from '../context/session-operations.ts';
import { converse, decideNextApproval, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

type Client = TestGateway['client'];

const orderBy: SessionOrder = 'LAST_ACTIVITY';

const page = async (client: Client, variables: SessionsQueryVariables) =>
  (await client.send(SessionsDocument, { orderBy, ...variables })).sessions;

const keysOf = ({ edges }: Awaited<ReturnType<typeof page>>) => edges.map(({ node }) => node.key);

const keys = async (client: Client, variables: SessionsQueryVariables = {}) => keysOf(await page(client, variables));

/** Checks that the list is in the order of `lastActivityAt`, while no run is active. */
async function expectOrdered(client: Client): Promise<void> {
  const { edges } = await page(client, { first: 100, filter: { includeArchived: true } });
  const shown = edges.map(({ node: { lastActivityAt, id } }) => `${lastActivityAt} ${id}`);
  expect(shown).toEqual(shown.toSorted().toReversed());
}

async function talkIn(client: Client, names: readonly string[]): Promise<void> {
  for (const sessionKey of names) await converse(client, { sessionKey, text: `/say ${sessionKey}` });
}

test('B5: every kind of activity moves a session to the front of LAST_ACTIVITY', async () => {
  const { client, clientOf } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  await talkIn(client, ['a', 'b', 'c']);
  await converse(clientOf('bob'), { sessionKey: 'of bob', text: '/say hello' });
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'empty' } });
  expect(resolveSession).toMatchObject({ session: { key: 'empty' } });
  expect(await keys(client)).toEqual(['empty', 'c', 'b', 'a']);
  const { run, session } = await send(client, { sessionKey: 'a', text: calling(['count', { word: 'x' }]) });
  const asked = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  await until(async () => (await keys(client))[0] === 'a');
  await talkIn(client, ['b']);
  expect((await keys(client))[0]).toBe('b');
  await expectOrdered(client);
  await decideNextApproval(client, run.id, 'ALLOW', asked.at(-2)?.cursor);
  await follow(client, run.id);
  expect(await keys(client)).toEqual(['a', 'b', 'empty', 'c']);
  const child = await branch(client, { sessionId: session.id, runId: run.id, key: 'child' });
  expect(await keys(client, { first: 2 })).toEqual(['child', 'a']);
  await client.send(ResolveSessionDocument, { input: { id: child, reset: true } });
  await talkIn(client, ['a']);
  expect(await keys(client, { first: 2 })).toEqual(['a', 'child']);
  await client.send(ArchiveSessionDocument, { input: { sessionId: child } });
  expect(await keys(client)).toEqual(['a', 'b', 'empty', 'c']);
  await expectOrdered(client);
  await client.send(PurgeSessionDocument, { input: { sessionId: child, confirmKey: 'child' } });
  expect(await keys(client, { filter: { includeArchived: true } })).toEqual(['a', 'b', 'empty', 'c']);
  await talkIn(client, ['c']);
  const { run: hanging } = await send(client, { sessionKey: 'b', text: '/say one\n/hang' });
  await follow(client, hanging.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
  const [first] = (await page(client, { first: 1 })).edges;
  const { tape } = (await client.send(RunTapeDocument, { id: hanging.id })).run ?? {};
  expect(first?.node).toMatchObject({ key: 'b', lastActivityAt: tape?.nodes.at(-1)?.recordedAt });
  await client.send(CancelRunDocument, { input: { runId: hanging.id } });
  await follow(client, hanging.id);
  await expectOrdered(client);
});

test('B5: paging by activity in both directions returns each unchanged session exactly once', async () => {
  const { client } = await startTestGateway();
  const still = Array.from({ length: 4 }, (_, index) => `still-${index}`);
  const moving = Array.from({ length: 4 }, (_, index) => `moving-${index}`);
  await talkIn(
    client,
    still.flatMap((key, index) => [key, moving[index] ?? '']),
  );
  const stillOnes = (met: string[]) => met.filter((key) => key.startsWith('still'));
  const walk = async (forwards: boolean) => {
    const met: string[] = [];
    for (let cursor: string | null = null, turn = 0; ; turn += 1) {
      const asked: SessionsQueryVariables = forwards ? { first: 2, after: cursor } : { last: 2, before: cursor };
      const found = await page(client, asked);
      met.push(...(forwards ? keysOf(found) : keysOf(found).toReversed()));
      const { hasNextPage, hasPreviousPage, endCursor, startCursor } = found.pageInfo;
      if (!(forwards ? hasNextPage : hasPreviousPage)) return met;
      cursor = (forwards ? endCursor : startCursor) ?? null;
      // The moved session was before the page, after it, or at the cursor. Going forwards, it has already been passed.
      if (turn < moving.length) await talkIn(client, [moving[turn] ?? '']);
    }
  };
  const forwards = await walk(true);
  expect(stillOnes(forwards)).toEqual(still.toReversed());
  expect(new Set(forwards).size).toBe(forwards.length);
  expect(stillOnes(await walk(false))).toEqual(still);
  await expectOrdered(client);
});
