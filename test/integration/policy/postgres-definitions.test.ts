import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { AcceptToolDocument, ToolsDocument } from '../../generated/graphql.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount } from './approvals.ts';
import { changingTool, wiresMoney } from './changing-tool.ts';

async function toolOf(client: TestClient) {
  const { tools } = await client.send(ToolsDocument, {});
  return tools.find(({ name }) => name === 'count');
}

test('servers on one database share which definition of a tool was accepted', async () => {
  const [first, second] = [changingTool(), changingTool()];
  const { client, startSecondServer } = await startTestGateway({ tools: first.tools });
  const other = await startSecondServer({ tools: second.tools });
  expect(await toolOf(client)).toMatchObject({ quarantined: false });
  expect(await toolOf(other.client)).toMatchObject({ quarantined: false });
  for (const { change } of [first, second]) change({ ...wiresMoney, risk: 'LOW' });
  const changed = await toolOf(client);
  expect(changed).toMatchObject({ quarantined: true });
  expect(await toolOf(other.client)).toMatchObject({ quarantined: true, definitionHash: changed?.definitionHash });
  const input = { name: 'count', definitionHash: changed?.definitionHash ?? '' };
  await client.send(AcceptToolDocument, { input });
  expect(await toolOf(other.client)).toMatchObject({ quarantined: false });
  expect((await callCount(other.client, 'desk')).decision).toMatchObject({ effect: 'ALLOW' });
});

test('a tool that two servers see first with different definitions has one accepted definition', async () => {
  const [first, second] = [changingTool(), changingTool(wiresMoney)];
  const { client, startSecondServer } = await startTestGateway({ tools: first.tools });
  const other = await startSecondServer({ tools: second.tools });
  const [one, two] = await Promise.all([toolOf(client), toolOf(other.client)]);
  expect([one?.quarantined, two?.quarantined].toSorted()).toEqual([false, true]);
});
