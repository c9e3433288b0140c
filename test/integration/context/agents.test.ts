import { expect, test } from 'vitest';
import {
  AgentByIdDocument,
  AgentVersionsDocument,
  CreateAgentDocument,
  DeleteAgentDocument,
  UpdateAgentDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { contextOf, createAgent, updateAgent } from './session-operations.ts';

test('each change of an agent creates a version, and a run names the version that it used', async () => {
  const { client } = await startTestGateway();
  const agent = await createAgent(client, { name: 'clerk', instructions: 'Be brief.' });
  expect(agent.version).toBe(1);
  const first = await converse(client, { sessionKey: 'a', text: '/instructions', agentId: agent.id });
  expect(first.run.output).toContain('Be brief.');
  const changed = await updateAgent(client, { agentId: agent.id, instructions: 'Be long.' });
  expect(changed.version).toBe(2);
  const second = await converse(client, { sessionKey: 'a', text: '/instructions', agentId: agent.id });
  expect(second.run.output).toContain('Be long.');
  expect(await contextOf(client, first.runId)).toMatchObject({ agent: { id: agent.id }, agentVersion: 1 });
  expect(await contextOf(client, second.runId)).toMatchObject({ agent: { id: agent.id }, agentVersion: 2 });
  const same = await updateAgent(client, { agentId: agent.id, instructions: 'Be long.', makeDefault: true });
  expect(same).toMatchObject({ version: 2, isDefault: true });
});

test('the versions of an agent are listed, newest first, to their owner', async () => {
  const { client, clientOf } = await startTestGateway();
  const { id } = await createAgent(client, { name: 'clerk', instructions: 'Be brief.', tools: ['clock'] });
  await updateAgent(client, { agentId: id, instructions: 'Be long.', limits: { maxSteps: 2 } });
  await updateAgent(client, { agentId: id, name: 'writer', outputSchema: { type: 'object' } });
  const versionsOf = async (page: object, reader = client) =>
    (await reader.send(AgentVersionsDocument, { id, ...page })).agent?.versions;
  const all = await versionsOf({});
  expect(all?.edges.map(({ node }) => node)).toMatchObject([
    { version: 3, name: 'writer', instructions: 'Be long.', outputSchema: { type: 'object' }, limits: { maxSteps: 2 } },
    { version: 2, name: 'clerk', instructions: 'Be long.', outputSchema: null, limits: { maxSteps: 2 } },
    {
      version: 1,
      name: 'clerk',
      instructions: 'Be brief.',
      limits: null,
      model: null,
      tools: ['clock'],
      clientTools: [],
    },
  ]);
  const numbers = async (page: object) => (await versionsOf(page))?.edges.map(({ node }) => node.version);
  const after = all?.edges[0]?.cursor;
  expect(await numbers({ first: 1, after })).toEqual([2]);
  expect(await numbers({ last: 1 })).toEqual([1]);
  expect(await numbers({ before: all?.edges[2]?.cursor, last: 1 })).toEqual([2]);
  expect((await versionsOf({ first: 1, after }))?.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  await expect(versionsOf({ after: 'MA' })).rejects.toThrow('is not a cursor of this list');
  expect(await versionsOf({}, clientOf('bob'))).toBeUndefined();
});

test('a run names the default agent, a session keeps its agent, and both work after the agent was deleted', async () => {
  const { client } = await startTestGateway();
  const standard = await createAgent(client, { name: 'standard', instructions: 'I am standard.', makeDefault: true });
  const special = await createAgent(client, { name: 'special', instructions: 'I am special.' });
  const first = await converse(client, { sessionKey: 'b', text: '/instructions' });
  expect(first.run.output).toContain('I am standard.');
  expect(await contextOf(client, first.runId)).toMatchObject({ agent: { id: standard.id }, agentVersion: 1 });
  const { run, session } = await send(client, { sessionKey: 'b', text: '/say on' });
  await follow(client, run.id);
  await client.send(UpdateSessionDocument, { input: { sessionId: session.id, agentId: special.id } });
  const second = await converse(client, { sessionKey: 'b', text: '/instructions' });
  expect(second.run.output).toContain('I am special.');
  await client.send(DeleteAgentDocument, { input: { agentId: special.id } });
  const { agent, agentVersion, contextAt } = await contextOf(client, second.runId);
  expect({ agent, agentVersion, missing: contextAt.missing }).toEqual({ agent: null, agentVersion: 1, missing: [] });
  const after = await converse(client, { sessionKey: 'b', text: '/instructions' });
  expect(after.run.output).toContain('I am standard.');
});

test('a queued message keeps the agent that it named, although the agent is deleted before it runs', async () => {
  const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  await createAgent(client, { name: 'standard', instructions: 'I am standard.', makeDefault: true });
  const special = await createAgent(client, { name: 'special', instructions: 'I am special.', tools: ['clock'] });
  const { run } = await send(client, { sessionKey: 'q', text: '/call count {"word":"a"}' });
  await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const queued = await send(client, { sessionKey: 'q', text: '/instructions', agentId: special.id });
  await client.send(DeleteAgentDocument, { input: { agentId: special.id } });
  await decideNextApproval(client, run.id, 'DENY');
  await follow(client, queued.run.id);
  expect((await runById(client, queued.run.id)).output).toContain('I am special.');
  expect(await contextOf(client, queued.run.id)).toMatchObject({ agent: null, agentVersion: 1 });
});

test("B18: an agent's limits tighten the gateway's and never loosen them", async () => {
  const { client } = await startTestGateway({ tools: [countedTool()], file: { limits: { maxSteps: 3 } } });
  const strict = await createAgent(client, { name: 'strict', instructions: '', limits: { maxSteps: 1 } });
  const loose = await createAgent(client, { name: 'loose', instructions: '', limits: { maxSteps: 30 } });
  expect(strict.limits).toMatchObject({ maxSteps: 1, maxToolCalls: null });
  const text = Array.from({ length: 6 }, () => '/call count {"word":"a"}').join('\n/then\n');
  const stopped = await converse(client, { sessionKey: 'strict', text, agentId: strict.id });
  expect(stopped.run).toMatchObject({ steps: 1, error: { code: 'STEP_LIMIT' } });
  const bounded = await converse(client, { sessionKey: 'loose', text, agentId: loose.id });
  expect(bounded.run).toMatchObject({ steps: 3, error: { code: 'STEP_LIMIT' } });
  const free = await updateAgent(client, { agentId: strict.id, limits: {} });
  expect(free).toMatchObject({ version: 2, limits: null });
});

test('a change that needs one version too many is refused with the limit, and changes nothing', async () => {
  const { client, clientOf } = await startTestGateway({ file: { limits: { agentVersions: 3 } } });
  const gone = await createAgent(client, { name: 'gone', instructions: 'one' });
  await client.send(DeleteAgentDocument, { input: { agentId: gone.id } });
  const agent = await createAgent(client, { name: 'clerk', instructions: 'two' });
  await updateAgent(client, { agentId: agent.id, instructions: 'three' });
  const { agent: before } = await client.send(AgentByIdDocument, { id: agent.id });

  const refusal = {
    __typename: 'LimitExceededError',
    limit: 'agentVersions',
    message: expect.stringContaining('3 ver'),
    used: null,
    allowed: null,
  };
  const update = { agentId: agent.id, instructions: 'four', makeDefault: true };
  expect(await client.send(UpdateAgentDocument, { input: update })).toEqual({ updateAgent: refusal });
  const create = { name: 'other', instructions: 'four' };
  expect(await client.send(CreateAgentDocument, { input: create })).toEqual({ createAgent: refusal });
  expect(await client.send(AgentByIdDocument, { id: agent.id })).toEqual({ agent: before });

  // A change without a new version, and another owner.
  expect(await updateAgent(client, { agentId: agent.id, makeDefault: true })).toMatchObject({ isDefault: true });
  await createAgent(clientOf('grace'), create);
});
