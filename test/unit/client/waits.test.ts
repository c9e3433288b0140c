import { describe, expect, test, vi } from 'vitest';
import type { Requests } from '../../../client/src/connection/requests.ts';
import { createSource } from '../../../client/src/readable.ts';
import { offline, RuntapeError } from '../../../client/src/runtape-error.ts';
import { declarationsOf } from '../../../client/src/tools/client-tool.ts';
import { runTools } from '../../../client/src/tools/run-tools.ts';
import type { Wait, WaitKind } from '../../../client/src/waits/wait.ts';
import { createWaitHandle, type WaitHandle } from '../../../client/src/waits/wait-handle.ts';

function setUp(kind: WaitKind) {
  const sent: { mutation: string | undefined; input: unknown }[] = [];
  const requests = {
    async repeat(document: string, { input }: { input: unknown }) {
      sent.push({ mutation: /result:\s*(\w+)/.exec(document)?.[1], input });
      return { result: { __typename: 'Success' } };
    },
  } as unknown as Requests;
  return { wait: createWaitHandle({ id: 'wait_1', kind } as Wait, requests), sent };
}

describe('settling a wait', () => {
  test.each<[string, WaitKind, (wait: WaitHandle) => Promise<void>, string, object]>([
    [
      'allow',
      'APPROVAL',
      (wait) => wait.allow({ scope: 'SESSION', bindToTarget: true }),
      'decideApproval',
      { approvalId: 'wait_1', decision: 'ALLOW', scope: 'SESSION', bindToTarget: true },
    ],
    [
      'deny',
      'APPROVAL',
      (wait) => wait.deny('no'),
      'decideApproval',
      { approvalId: 'wait_1', decision: 'DENY', reason: 'no' },
    ],
    [
      'allow',
      'BUDGET',
      (wait) => wait.allow({ increase: 5 }),
      'decideBudget',
      { budgetRequestId: 'wait_1', decision: 'ALLOW', increase: 5 },
    ],
    [
      'deny',
      'BUDGET',
      (wait) => wait.deny('no'),
      'decideBudget',
      { budgetRequestId: 'wait_1', decision: 'DENY', reason: 'no' },
    ],
    [
      'answer',
      'QUESTION',
      (wait) => wait.answer({ a: 1 }),
      'answerQuestion',
      { questionId: 'wait_1', action: 'ANSWER', answer: { a: 1 } },
    ],
    [
      'decline',
      'QUESTION',
      (wait) => wait.decline('later'),
      'answerQuestion',
      { questionId: 'wait_1', action: 'DECLINE', reason: 'later' },
    ],
    ['cancel', 'QUESTION', (wait) => wait.cancel(), 'answerQuestion', { questionId: 'wait_1', action: 'CANCEL' }],
    ['answer', 'CLIENT_TOOL', (wait) => wait.answer(7), 'submitToolResult', { clientToolCallId: 'wait_1', output: 7 }],
    [
      'fail',
      'CLIENT_TOOL',
      (wait) => wait.fail('broken'),
      'submitToolResult',
      { clientToolCallId: 'wait_1', error: 'broken' },
    ],
  ])('%s of %s', async (_name, kind, settle, mutation, input) => {
    const { wait, sent } = setUp(kind);
    await settle(wait);
    expect(sent).toEqual([{ mutation, input: expect.objectContaining(input) }]);
  });

  test.each<[string, WaitKind, (wait: WaitHandle) => Promise<void>]>([
    ['allow', 'QUESTION', (wait) => wait.allow()],
    ['fail', 'QUESTION', (wait) => wait.fail('x')],
    ['answer', 'BUDGET', (wait) => wait.answer(1)],
    ['decline', 'CLIENT_TOOL', (wait) => wait.decline()],
    ['allow', 'CLIENT_TOOL', (wait) => wait.allow()],
  ])('%s does not fit a wait of the kind %s: that is an error, and nothing is sent', async (name, kind, settle) => {
    const { wait, sent } = setUp(kind);
    await expect(settle(wait)).rejects.toThrow(`wait_1 is a wait of the kind ${kind}, which has no "${name}".`);
    expect(sent).toEqual([]);
  });
});

describe('tools of a client', () => {
  const call = (id: string, tool = 'sum', input: unknown = [1, 2]) => {
    const answers: unknown[] = [];
    const data = createSource({
      __typename: 'ClientToolCall',
      id,
      kind: 'CLIENT_TOOL',
      callId: `call ${id}`,
      tool,
      input,
    } as unknown as Wait);
    const answer = vi.fn(async (value: unknown) => void answers.push(value));
    const fail = vi.fn(async (error: string) => void answers.push(`failed: ${error}`));
    return { wait: { id, kind: 'CLIENT_TOOL', data, answer, fail } as unknown as WaitHandle, answers, answer };
  };
  const listOf = (...calls: { wait: WaitHandle }[]) => {
    const list = createSource<readonly WaitHandle[]>(calls.map(({ wait }) => wait));
    return { ...list, list: list as never };
  };
  const sum = {
    description: 'Adds',
    inputSchema: { type: 'array' },
    execute: (input: unknown) => (input as number[]).reduce((a, b) => a + b),
  };

  test('are declared without their code', () => {
    expect(declarationsOf([{ tools: { sum } }])).toEqual([
      { name: 'sum', description: 'Adds', inputSchema: { type: 'array' } },
    ]);
  });

  test('execute each open call once, and leave those of other tools alone', async () => {
    const [mine, other, later] = [call('1'), call('2', 'another'), call('3', 'sum', [4, 4])];
    const { list, set } = listOf(mine, other);
    const stop = runTools(list, { sum });
    await vi.waitFor(() => expect(mine.answers).toEqual([3]));
    set([mine.wait, other.wait, later.wait]);
    await vi.waitFor(() => expect(later.answers).toEqual([8]));
    expect([mine.answers, other.answers]).toEqual([[3], []]);
    stop();
    set([call('4').wait]);
  });

  test('submit the error of a tool, and ignore that another tab was faster', async () => {
    const [broken, settled] = [call('1', 'broken'), call('2')];
    settled.answer.mockRejectedValue(new RuntapeError('SETTLED', 'Another tab was faster.'));
    const failing = { ...sum, execute: () => Promise.reject(new Error('no data')) };
    const { list, set } = listOf(broken, settled);
    const stop = runTools(list, { sum, broken: failing });
    await vi.waitFor(() => expect(broken.answers).toEqual(['failed: no data']));
    await vi.waitFor(() => expect(settled.answer).toHaveBeenCalledTimes(1));
    set([settled.wait]);
    expect(settled.answer).toHaveBeenCalledTimes(1);
    stop();
  });

  test('hand in a result again after a failure of the network, without another execution', async () => {
    vi.useFakeTimers();
    const slow = call('1');
    slow.answer.mockRejectedValueOnce(offline('away'));
    const execute = vi.fn(sum.execute);
    const stop = runTools(listOf(slow).list, { sum: { ...sum, execute } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([slow.answers, execute.mock.calls.length]).toEqual([[3], 1]);
    stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test('tell the model of a result that the gateway refuses', async () => {
    const large = call('1');
    large.answer.mockRejectedValue(new RuntapeError('INVALID_INPUT', 'The output is too large.'));
    const stop = runTools(listOf(large).list, { sum });
    await vi.waitFor(() => expect(large.answers).toEqual(['failed: The output is too large.']));
    stop();
  });
});
