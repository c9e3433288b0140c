import { describe, expect, test } from 'vitest';
import { GraphqlFailure, type TestClient } from '../../client.ts';
import { ApprovalsDocument, CreateAgentDocument, ExplainPolicyDocument } from '../../generated/graphql.ts';
import { follow, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './approvals.ts';

async function startWithSession() {
  const low = countedTool({ name: 'low' });
  const count = countedTool({ risk: 'HIGH' });
  const started = await startTestGateway({ tools: [low, count] });
  const { session } = await send(started.client, { sessionKey: 'desk', text: '/say Hello' });
  return { ...started, low, count, sessionId: session.id };
}

async function explain(client: TestClient, tool: string, input: unknown, sessionId: string) {
  return (await client.send(ExplainPolicyDocument, { tool, input, sessionId })).explainPolicy;
}

describe('explainPolicy', () => {
  test('returns the decision and the reason, without any effect', async () => {
    const { client, low, count, sessionId } = await startWithSession();
    expect(await explain(client, 'low', { word: 'a' }, sessionId)).toEqual({
      effect: 'ALLOW',
      rules: ['low-risk'],
      reason: 'Tools of low risk run unattended.',
      grant: null,
      inputValid: true,
      inputProblem: null,
      risk: 'LOW',
      summary: 'low(word: "a"). The tool describes itself as: "Counts its executions."',
    });
    expect(await explain(client, 'count', { word: 'a' }, sessionId)).toMatchObject({
      effect: 'ASK',
      rules: [],
      risk: 'HIGH',
    });
    expect([...low.executions, ...count.executions]).toEqual([]);
    expect((await client.send(ApprovalsDocument, {})).approvals.edges).toEqual([]);
  });

  test('returns the grant that covers the call', async () => {
    const { client, sessionId } = await startWithSession();
    const called = await callCount(client, 'desk');
    await decide(client, called.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    await follow(client, called.runId);
    expect(await explain(client, 'count', { word: 'a' }, sessionId)).toMatchObject({
      effect: 'ALLOW',
      reason: expect.stringContaining('earlier approval'),
      grant: { id: expect.stringMatching(/^grt_/), expiresAt: null },
    });
  });

  test.each([
    ['invalid by the schema', { word: '' }, /Invalid input/],
    ['not an object', ['a'], /must be a JSON object/],
    ['with an unknown member', { word: 'a', more: 1 }, /more/],
  ])('returns the problem of an input that is %s', async (_what, input, problem) => {
    const { client, sessionId } = await startWithSession();
    const explained = await explain(client, 'count', input, sessionId);
    expect(explained).toMatchObject({ effect: 'DENY', rules: [], inputValid: false });
    expect(explained.inputProblem).toMatch(problem);
    expect(explained.reason).toBe(explained.inputProblem);
  });

  test('applies to the agent of the session', async () => {
    const { client, sessionId } = await startWithSession();
    const input = { name: 'clerk', instructions: 'Be brief.', tools: ['low'], makeDefault: true };
    await client.send(CreateAgentDocument, { input });
    expect(await explain(client, 'count', { word: 'a' }, sessionId)).toMatchObject({
      effect: 'DENY',
      reason: 'The agent clerk does not have this tool.',
    });
    expect(await explain(client, 'low', { word: 'a' }, sessionId)).toMatchObject({ effect: 'ALLOW' });
  });

  test('B3: refuses a session of another principal, and an unknown tool', async () => {
    const { client, clientOf, sessionId } = await startWithSession();
    const refusal = (error: unknown) => (error instanceof GraphqlFailure ? [error.code, error.message] : error);
    const ofBob = await explain(clientOf('bob'), 'low', {}, sessionId).catch(refusal);
    expect(ofBob).toEqual(['NOT_FOUND', `There is no session ${sessionId}.`]);
    const unknown = await explain(client, 'nothing', {}, sessionId).catch(refusal);
    expect(unknown).toEqual(['NOT_FOUND', 'There is no tool nothing.']);
  });
});
