import { expect, test } from 'vitest';
import {
  DeleteAgentDocument,
  ForgetDocument,
  RememberDocument,
  ResolveSessionDocument,
  RunTapeDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { branch, compact, contextOf, createAgent, updateAgent } from './session-operations.ts';

test('B53: a context can be rebuilt exactly, whatever happens later, and missing parts are named', async () => {
  const gateway = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const { client } = gateway;
  const agent = await createAgent(client, { name: 'clerk', instructions: 'First.' });
  const { remember } = await client.send(RememberDocument, { input: { text: 'The tea is green.' } });
  if (remember.__typename !== 'RememberSuccess') throw new Error(remember.__typename);
  const target = { sessionKey: 'all', agentId: agent.id };
  const runs: [runId: string, steps: number][] = [];
  for (const text of ['/say tea one', '/say tea two', '/say tea three'])
    runs.push([(await converse(client, { ...target, text })).runId, 1]);
  // The results arrive in another order than the calls, with a message in between.
  const { run, session } = await send(client, {
    ...target,
    text: '/call count {"word":"a"}\n/call count {"word":"b"}\n/then\n/say tea',
  });
  const allowed = await decideNextApproval(client, run.id, 'ALLOW');
  await send(client, { sessionId: session.id, text: '/say steered tea', whenBusy: 'STEER' });
  await decideNextApproval(client, run.id, 'DENY', allowed.cursor);
  await follow(client, run.id);
  runs.push([run.id, 2]);
  const contexts = () =>
    Promise.all(
      runs.flatMap(([id, steps]) => Array.from({ length: steps }, (_, index) => contextOf(client, id, index + 1))),
    );
  const first = await contexts();
  expect(first.map(({ contextAt }) => contextAt.missing)).toEqual(first.map(() => []));
  expect(first[0]?.contextAt.memories).toEqual([{ id: remember.memory.id, text: 'The tea is green.' }]);
  const { run: taped } = await client.send(RunTapeDocument, { id: run.id });
  const recorded = taped?.tape.nodes.find(({ type }) => type === 'CONTEXT')?.payload;
  expect(recorded).toMatchObject({
    memories: [{ id: remember.memory.id, score: expect.any(Number) }],
    agent: { id: agent.id, version: 1 },
    tools: ['count'],
    requestHash: first[3]?.contextAt.requestHash,
  });

  await updateAgent(client, { agentId: agent.id, instructions: 'Second.' });
  expect((await compact(client, session.id)).stored).toBe(true);
  const child = await branch(client, { sessionId: session.id, runId: runs[1]?.[0] ?? '' });
  runs.push([
    (await converse(client, { sessionId: child, agentId: agent.id, text: '/say tea in the branch' })).runId,
    1,
  ]);
  runs.push([(await converse(client, { sessionId: session.id, agentId: agent.id, text: '/say tea after' })).runId, 1]);
  const second = await contexts();
  expect(second.slice(0, first.length)).toEqual(first);
  expect(second.map(({ contextAt }) => contextAt.isExact)).toEqual(second.map(() => true));
  await client.send(ResolveSessionDocument, { input: { id: session.id, reset: true } });
  await client.send(DeleteAgentDocument, { input: { agentId: agent.id } });
  await converse(client, { sessionId: session.id, text: '/say later' });
  expect((await contexts()).map(({ contextAt }) => contextAt)).toEqual(second.map(({ contextAt }) => contextAt));

  await client.send(ForgetDocument, { input: { memoryId: remember.memory.id } });
  const [incomplete] = await contexts();
  expect(incomplete?.contextAt).toMatchObject({
    isExact: false,
    missing: [`The memory ${remember.memory.id} no longer exists.`],
    memories: [],
  });
  const other = await gateway.restart({
    tools: [countedTool({ name: 'count', risk: 'LOW' }), countedTool({ name: 'more' })],
  });
  expect((await contextOf(other.client, run.id)).contextAt.missing).toEqual(incomplete?.contextAt.missing);
});
