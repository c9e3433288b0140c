import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { DecideApprovalDocument } from '../../generated/graphql.ts';
import { converse, runById, send } from '../conversation.ts';
import { calling, countedTool, hanging } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const twoSteps = calling(['count', { word: 'a' }]);

describe('B18: a run that exceeds a limit is FAILED with the code of that limit', () => {
  test('model calls: STEP_LIMIT', async () => {
    const { client } = await startTestGateway({ tools: [countedTool()], file: { limits: { maxSteps: 1 } } });
    const { run } = await converse(client, { sessionKey: 'steps', text: twoSteps });
    expect(run).toMatchObject({ state: 'FAILED', steps: 1, error: { code: 'STEP_LIMIT', retryable: false } });
  });

  test('tool calls: TOOL_LIMIT', async () => {
    const { client } = await startTestGateway({ tools: [countedTool()], file: { limits: { maxToolCalls: 1 } } });
    const text = calling(['count', { word: 'a' }], ['count', { word: 'b' }]);
    const { run } = await converse(client, { sessionKey: 'calls', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'TOOL_LIMIT' } });
  });

  test.each([
    ['a model', '/hang'],
    ['a tool', calling(['count', { word: 'a' }])],
  ])('time at work, in %s that hangs: DEADLINE', async (_name, text) => {
    const tool = countedTool({ execute: hanging });
    const { client } = await startTestGateway({ tools: [tool], file: { limits: { runSeconds: 0.3 } } });
    const { run } = await converse(client, { sessionKey: 'deadline', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'DEADLINE' } });
  });

  const HOUR = 3_600_000;

  test.each([
    ['back', -HOUR],
    ['forward', HOUR],
  ])('time at work, measured by no clock that is set %s: DEADLINE, and not before', async (_way, setBy) => {
    let offset = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + offset };
    const quick = countedTool({
      async execute() {
        offset = setBy;
        return 'done';
      },
    });
    const slow = countedTool({ name: 'slow', execute: hanging });
    const { client } = await startTestGateway({ tools: [quick, slow], file: { limits: { runSeconds: 2 } }, clock });
    const text = calling(['count', { word: 'a' }], ['slow', { word: 'b' }]);
    const startedAt = performance.now();
    const { run, events } = await converse(client, { sessionKey: 'set', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'DEADLINE' } });
    expect(performance.now() - startedAt).toBeGreaterThan(1900);
    expect(events.findLast(({ type }) => type === 'STATUS')?.payload).toMatchObject({
      workMilliseconds: expect.toSatisfy((milliseconds: number) => milliseconds >= 2000 && milliseconds < 60_000),
    });
  });

  test('tokens: BUDGET', async () => {
    const { client } = await startTestGateway({ tools: [countedTool()], file: { limits: { maxTokens: 50 } } });
    const { run } = await converse(client, { sessionKey: 'tokens', text: `/usage 40 10\n${twoSteps}` });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'BUDGET' } });
  });

  test('cost: BUDGET', async () => {
    const price = { inputPerMillion: 1_000_000, outputPerMillion: 0 };
    const { client } = await startTestGateway({
      tools: [countedTool()],
      file: { limits: { maxCost: 5 }, models: { scripted: { provider: 'scripted', paceMilliseconds: 0, price } } },
    });
    const { run } = await converse(client, { sessionKey: 'cost', text: `/usage 6 1\n${twoSteps}` });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'BUDGET' }, usage: { cost: 6 } });
  });

  test('time spent waiting for an approval does not count', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const runSeconds = 600;
    let skippedMilliseconds = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + skippedMilliseconds };
    const { client } = await startTestGateway({ tools: [tool], file: { limits: { runSeconds } }, clock });
    const { run } = await send(client, { sessionKey: 'waiting', text: twoSteps });
    const asked = await until(async () => {
      const now = await runById(client, run.id);
      return now.state === 'AWAITING_APPROVAL' && now;
    });
    skippedMilliseconds = 2 * runSeconds * 1000;
    const approvalId = asked.pendingApprovals[0]?.id ?? '';
    await client.send(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW' } });
    const ended = await until(async () => {
      const now = await runById(client, run.id);
      return now.endedAt ? now : null;
    });
    expect(ended.state).toBe('DONE');
    const waitedMilliseconds = Date.parse(ended.endedAt ?? '') - Date.parse(ended.startedAt ?? '');
    expect(waitedMilliseconds).toBeGreaterThan(runSeconds * 1000);
  });
});
