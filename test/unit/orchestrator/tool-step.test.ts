import { describe, expect, test, vi } from 'vitest';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import { callsOf } from '../../../src/domain/step.ts';
import { loadRunConfiguration } from '../../../src/orchestrator/run-configuration.ts';
import { createRunExecution } from '../../../src/orchestrator/run-execution.ts';
import { answerStep, recoverStep, toolStep } from '../../../src/orchestrator/step/tool-step.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import {
  approvalDecision,
  approvalRequest,
  callsRequested,
  context,
  type Given,
  inProgress,
  output,
  resumption,
  runId,
  toolDecision,
  toolStart,
} from '../domain/given.ts';
import { createFakeDependencies } from './fake-dependencies.ts';

/** An idempotent tool that accepts every input and records the idempotency keys of its executions. */
function recordingTool(name: string): Tool & { keys: string[] } {
  const keys: string[] = [];
  return {
    name,
    description: '',
    inputSchema: {},
    risk: 'LOW',
    idempotent: true,
    parallelSafe: false,
    timeoutSeconds: 60,
    source: 'builtin',
    prepare: (input) => ({ ok: true, input }),
    async execute(_input, { idempotencyKey }) {
      keys.push(idempotencyKey);
      return 'done';
    },
    keys,
  };
}

const control = { isStopping: () => false, onAsking: () => undefined };

/** Executes the calls of a run. */
async function execute(step: typeof toolStep, ...given: Given[]) {
  const tools = [recordingTool('tool_a'), recordingTool('tool_b')];
  const { dependencies, storeTape, eventsAfter } = createFakeDependencies({ tools });
  const lease = await storeTape(runId, {}, ...given);
  const run = await dependencies.runStore.load(runId);
  const configuration = run && (await loadRunConfiguration(dependencies, run, dependencies.catalogue));
  if (!run || !configuration) throw new Error('The tape begins no run.');
  const execution = createRunExecution(dependencies, lease, configuration, control);
  await step(execution, callsOf(run.step), new AbortController().signal);
  const events = await eventsAfter(runId, run.head);
  return {
    keys: tools.map((tool) => tool.keys),
    starts: events.flatMap((event) => (event.type === 'tool_start' ? [event.payload] : [])),
  };
}

describe('an interrupted call of a tool that says that it is idempotent', () => {
  async function recover(definitionHash: string | null, tools: Tool[] = [recordingTool('tool_a')]) {
    const { dependencies, storeTape, eventsAfter } = createFakeDependencies({ tools });
    const compare = vi.spyOn(dependencies.acceptedDefinitions, 'compare');
    const start = toolStart('a');
    if (start.type !== 'tool_start') throw new Error('It is no start.');
    const started = { ...start, payload: { ...start.payload, definitionHash } };
    const given = [callsRequested('a'), toolDecision('a', 'ALLOW'), started];
    const lease = await storeTape(runId, {}, ...given, resumption(1));
    const run = await dependencies.runStore.load(runId);
    const configuration = run && (await loadRunConfiguration(dependencies, run, dependencies.catalogue));
    if (!run || !configuration) throw new Error('The tape begins no run.');
    const execution = createRunExecution(dependencies, lease, configuration, control);
    await recoverStep(execution, callsOf(run.step), new AbortController().signal);
    const events = (await eventsAfter(runId, run.head)).map(({ type, payload }) => ({ type, payload }));
    return { events, compared: compare.mock.calls.map(([compared]) => compared) };
  }

  test('is repeated if the tool said so when the call was started', async () => {
    const [tool] = [recordingTool('tool_a')];
    const { events } = await recover(definitionOf(tool).hash);
    expect(events[0]).toMatchObject({ type: 'tool_start', payload: { attempt: 2 } });
    expect((await recover(null)).events[0]).toMatchObject({ type: 'tool_start' });
  });

  test('needs a person if the tool has changed since', async () => {
    const tool = recordingTool('tool_a');
    const { events, compared } = await recover('of another definition', [tool]);
    expect(events).toMatchObject([
      { type: 'approval_request', payload: { why: 'unknown_outcome', rule: null, definition: { name: 'tool_a' } } },
      { type: 'status', payload: { to: 'AWAITING_APPROVAL' } },
    ]);
    expect(compared).toEqual([[tool]]);
  });

  test('needs a person if the tool is gone', async () => {
    const { events, compared } = await recover(null, []);
    expect(events).toMatchObject([
      { type: 'approval_request', payload: { why: 'unknown_outcome', definition: null } },
      { type: 'status', payload: { to: 'AWAITING_APPROVAL' } },
    ]);
    expect(compared).toEqual([[]]);
  });
});

describe('an answer of the model', () => {
  /** The types of the events of each append. */
  async function appendsOf(calls: string[], isStopping = false) {
    const { dependencies, storeTape } = createFakeDependencies({ tools: ['tool_a', 'tool_b'].map(recordingTool) });
    const lease = await storeTape(runId, {}, inProgress, context(1));
    const run = await dependencies.runStore.load(runId);
    const configuration = run && (await loadRunConfiguration(dependencies, run, dependencies.catalogue));
    if (!configuration) throw new Error('The tape begins no run.');
    const append = vi.spyOn(dependencies.journal, 'append');
    const settle = vi.fn(async () => undefined);
    const execution = createRunExecution(dependencies, lease, configuration, {
      ...control,
      isStopping: () => isStopping,
    });
    const answer = { events: output(1, { text: 'Done.', calls }), rows: [], settle };
    await answerStep(execution, answer, new AbortController().signal);
    expect(settle).toHaveBeenCalledOnce();
    return append.mock.calls.map(([{ events }]) => events.map(({ type }) => type));
  }

  test('is recorded together with the decision about its call, and the start of the call', async () => {
    expect(await appendsOf(['a'])).toEqual([['output', 'tool_call', 'tool_decision', 'tool_start'], ['tool_result']]);
  });

  test('is recorded alone if the server is stopping, or a tool may become available later', async () => {
    expect(await appendsOf(['a'], true)).toEqual([['output', 'tool_call']]);
    expect(await appendsOf(['a', 'z'])).toEqual([['output', 'tool_call', 'tool_call']]);
  });

  test('ends the run if it requests more calls than the run may make', async () => {
    const calls = Array.from({ length: 7 }, () => 'a');
    expect(await appendsOf(calls)).toEqual([['output', ...calls.map(() => 'tool_call'), 'status']]);
  });

  test('ends the run if it requests no calls', async () => {
    expect(await appendsOf([])).toEqual([['output', 'status']]);
  });
});

test('calls that could not be started, because the run is executed elsewhere, are not executed', async () => {
  const tool = recordingTool('tool_a');
  const { dependencies, storeTape } = createFakeDependencies({ tools: [tool] });
  const lease = await storeTape(runId, {}, callsRequested('a'), toolDecision('a', 'ALLOW'));
  const run = await dependencies.runStore.load(runId);
  const configuration = run && (await loadRunConfiguration(dependencies, run, dependencies.catalogue));
  if (!run || !configuration) throw new Error('The tape begins no run.');
  dependencies.journal.append = async () => ({ kind: 'stale-epoch' });
  const execution = createRunExecution(dependencies, lease, configuration, control);
  const outcome = await toolStep(execution, callsOf(run.step), new AbortController().signal);
  expect([outcome.kind, tool.keys]).toEqual(['stop', []]);
});

const interrupted = [callsRequested('a'), toolDecision('a', 'ALLOW'), toolStart('a')];

describe('the idempotency key of a tool call', () => {
  test('B50: is created for its first attempt, and recorded before the tool gets it', async () => {
    const { keys, starts } = await execute(toolStep, callsRequested('a'), toolDecision('a', 'ALLOW'));
    expect(starts).toMatchObject([{ callId: 'a', attempt: 1, idempotencyKey: expect.stringMatching(/^key_/) }]);
    expect(keys).toEqual([[starts[0]?.idempotencyKey], []]);
  });

  test('B50: stays the same when the call is repeated after its executor was lost', async () => {
    const { keys, starts } = await execute(recoverStep, interrupted, resumption(1));
    expect(starts).toMatchObject([{ callId: 'a', attempt: 2, idempotencyKey: 'key_a' }]);
    expect(keys).toEqual([['key_a'], []]);
  });

  test('B50: stays the same over any number of attempts', async () => {
    const second = [resumption(1), toolStart('a', 2), resumption(1, 2)];
    const { keys, starts } = await execute(recoverStep, interrupted, second);
    expect(starts).toMatchObject([{ callId: 'a', attempt: 3, idempotencyKey: 'key_a' }]);
    expect(keys).toEqual([['key_a'], []]);
  });

  test('B50: stays the same when a person allowed the repetition', async () => {
    const question = approvalRequest('a', { why: 'unknown_outcome' });
    const { keys, starts } = await execute(toolStep, interrupted, question, approvalDecision('a', 'ALLOWED'));
    expect(starts).toMatchObject([{ callId: 'a', attempt: 2, idempotencyKey: 'key_a' }]);
    expect(keys).toEqual([['key_a'], []]);
  });

  test('B50: differs from that of every other call', async () => {
    const allowed = ['a', 'b'].map((callId) => toolDecision(callId, 'ALLOW'));
    const first = await execute(toolStep, callsRequested('a', 'b'), allowed);
    // Calls that are not parallel-safe are executed one in each step.
    expect(first.keys).toEqual([[expect.any(String)], []]);
    const second = await execute(toolStep, callsRequested('b', 'a'), toolStart('a'), allowed);
    expect(second.keys[1]).toHaveLength(1);
    expect(second.keys[1]).not.toContain('key_a');
  });
});
