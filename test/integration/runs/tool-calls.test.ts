import { describe, expect, test } from 'vitest';
import type { Policy } from '../../../src/policy/policy.ts';
import { CancelRunDocument, DecideApprovalDocument } from '../../generated/graphql.ts';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { calling, countedTool, hanging } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

describe('a tool call', () => {
  test('B34: a call of low risk runs without approval', async () => {
    const tool = countedTool();
    const { client } = await startTestGateway({ tools: [tool] });
    const { events, run } = await converse(client, { sessionKey: 'low', text: calling(['count', { word: 'a' }]) });
    expect(typesOf(events).slice(4)).toEqual([
      'OUTPUT',
      'TOOL_CALL',
      'TOOL_DECISION',
      'TOOL_START',
      'TOOL_RESULT',
      'CONTEXT',
      'OUTPUT_DELTA',
      'OUTPUT',
      'STATUS',
    ]);
    expect(events.find((event) => event.__typename === 'ToolDecisionEvent')).toMatchObject({ effect: 'ALLOW' });
    expect(run).toMatchObject({ state: 'DONE', steps: 2, output: 'count: counted a' });
    expect(tool.executions).toHaveLength(1);
  });

  test.each([
    ['unknown', '/call nothing {"word":"a"}', 'There is no tool "nothing"'],
    ['malformed', '/call count {"word": ', 'not valid JSON'],
    ['no object', '/call count [1]', 'must be a JSON object'],
    ['against the schema', '/call count {"words":1}', 'Invalid input'],
  ])('B35: a call that is %s has an error result for the model and requests no approval', async (_name, call, told) => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [tool] });
    const { events, run } = await converse(client, { sessionKey: 'bad', text: `${call}\n/then\n/echo` });
    expect(run.state).toBe('DONE');
    expect(run.output).toContain(told);
    expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
    expect(tool.executions).toHaveLength(0);
  });

  test('B35, B43: a denied call is reported to the model and requests no approval', async () => {
    const policy: Policy = {
      evaluate: () => ({ effect: 'DENY', reason: 'not in this house', rules: ['house', 'guest'] }),
    };
    const tool = countedTool({ risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [tool], policy });
    const { events, run } = await converse(client, { sessionKey: 'denied', text: calling(['count', { word: 'a' }]) });
    expect(run.output).toContain('not in this house');
    expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
    expect(events.find((event) => event.__typename === 'ToolDecisionEvent')).toMatchObject({
      effect: 'DENY',
      rule: 'house, guest',
    });
  });

  test('B43: a call beyond the tool limit fails the run before an approval is requested', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [tool], file: { limits: { maxToolCalls: 2 } } });
    const text = calling(['count', { word: 'a' }], ['count', { word: 'b' }], ['count', { word: 'c' }]);
    const { events, run } = await converse(client, { sessionKey: 'limit', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'TOOL_LIMIT' } });
    expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
  });

  test('B44: a hanging call times out, a throwing call is an error result, a large result is cut', async () => {
    const hang = countedTool({ name: 'hang', timeoutSeconds: 1, execute: hanging });
    const toss = countedTool({ name: 'toss', execute: () => Promise.reject(new Error('out of paper')) });
    const flood = countedTool({ name: 'flood', execute: async () => 'x'.repeat(3_000_000) });
    const { client } = await startTestGateway({ tools: [hang, toss, flood] });
    const word = { word: 'a' };
    const { events, run } = await converse(client, {
      sessionKey: 'misbehaved',
      text: calling(['hang', word], ['toss', word], ['flood', word]),
    });
    expect(run.state).toBe('DONE');
    const results = events.flatMap((event) => (event.__typename === 'ToolResultEvent' ? [event] : []));
    expect(results.map(({ tool, ok }) => [tool, ok])).toEqual([
      ['hang', false],
      ['toss', false],
      ['flood', true],
    ]);
    expect(results[0]?.error).toContain('1');
    expect(JSON.stringify(results[1]?.payload)).toContain('out of paper');
    const flooded = results[2]?.payload as { truncated: boolean; storedText: { bytes: number } };
    expect(flooded.truncated).toBe(true);
    expect(flooded.storedText.bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(JSON.stringify(flooded).length).toBeLessThan(64 * 1024);
  });

  test('B41: allowed, waiting and denied calls of one step all settle, in the order of the model', async () => {
    const low = countedTool({ name: 'low' });
    const high = countedTool({ name: 'high', risk: 'HIGH' });
    const { client } = await startTestGateway({ tools: [low, high] });
    const text = calling(['high', { word: 'a' }], ['low', { word: 'b' }], ['none', {}], ['high', { word: 'c' }]);
    const { run } = await send(client, { sessionKey: 'several', text });
    await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
    const { pendingApprovals } = await runById(client, run.id);
    expect(pendingApprovals.map(({ tool }) => tool)).toEqual(['high', 'high']);
    expect(low.executions).toHaveLength(1);
    const [first, second] = pendingApprovals.map(({ id }) => id);
    await client.send(DecideApprovalDocument, { input: { approvalId: second ?? '', decision: 'DENY' } });
    expect((await runById(client, run.id)).state).toBe('AWAITING_APPROVAL');
    await client.send(DecideApprovalDocument, { input: { approvalId: first ?? '', decision: 'ALLOW' } });
    const events = await follow(client, run.id);
    expect(typesOf(events).filter((type) => type === 'TOOL_RESULT')).toHaveLength(4);
    const lines = (await runById(client, run.id)).output?.split('\n').map((line) => line.slice(0, 20)) ?? [];
    expect(lines).toEqual([
      'high: counted a',
      'low: counted b',
      expect.stringMatching(/^none: /),
      expect.stringMatching(/^high: /),
    ]);
    expect(high.executions).toHaveLength(1);
  });

  test('parallel-safe calls run concurrently, at most four at a time', async () => {
    let now = 0;
    let most = 0;
    const together = countedTool({
      parallelSafe: true,
      execute: async ({ word }) => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 20));
        now -= 1;
        return word;
      },
    });
    const { client } = await startTestGateway({ tools: [together] });
    const calls = Array.from({ length: 9 }, (_, index): [string, unknown] => ['count', { word: `w${index}` }]);
    const { run } = await converse(client, { sessionKey: 'parallel', text: calling(...calls) });
    expect(run.output?.split('\n')).toEqual(calls.map((_, index) => `count: w${index}`));
    expect(most).toBe(4);
  });
});

describe('cancelling', () => {
  test('B47: cancelling during a tool call aborts the call', async () => {
    let aborted = false;
    const tool = countedTool({
      execute: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason);
          });
        }),
    });
    const { client } = await startTestGateway({ tools: [tool] });
    const { run } = await send(client, { sessionKey: 'cancel-tool', text: calling(['count', { word: 'a' }]) });
    await follow(client, run.id, { isLast: ({ type }) => type === 'TOOL_START' });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    await until(async () => aborted);
    const events = await follow(client, run.id);
    expect(typesOf(events).at(-1)).toBe('STATUS');
    expect(typesOf(events)).not.toContain('TOOL_RESULT');
  });

  test('B47: a run cancelled in the queue never starts', async () => {
    const { client } = await startTestGateway();
    const first = await send(client, { sessionKey: 'cancel-queued', text: '/hang' });
    const second = await send(client, { sessionKey: 'cancel-queued', text: '/say never' });
    await client.send(CancelRunDocument, { input: { runId: second.run.id } });
    await client.send(CancelRunDocument, { input: { runId: first.run.id } });
    await follow(client, first.run.id);
    expect(await runById(client, second.run.id)).toMatchObject({ state: 'CANCELLED', startedAt: null, steps: 0 });
  });

  test('B46: cancelling during a model call stops it without a DONE; repeating it succeeds; a DONE run is refused', async () => {
    const { client } = await startTestGateway();
    const { run } = await send(client, { sessionKey: 'cancel-model', text: '/pace 5\n/words 1000' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const cancel = () => client.send(CancelRunDocument, { input: { runId: run.id } });
    expect((await cancel()).cancelRun).toMatchObject({ __typename: 'CancelRunSuccess', run: { state: 'CANCELLED' } });
    expect((await cancel()).cancelRun.__typename).toBe('CancelRunSuccess');
    const events = await follow(client, run.id);
    expect(typesOf(events).filter((type) => type === 'STATUS')).toHaveLength(3);
    const done = await converse(client, { sessionKey: 'cancel-model', text: '/say done' });
    const refused = await client.send(CancelRunDocument, { input: { runId: done.runId } });
    expect(refused.cancelRun).toMatchObject({ __typename: 'InvalidTransitionError', run: { state: 'DONE' } });
  });
});
