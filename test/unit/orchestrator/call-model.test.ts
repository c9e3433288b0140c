import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { BudgetState, ExceededBudget } from '../../../src/domain/budget.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { ModelError, type ModelFinish } from '../../../src/models/model.ts';
import type { Spending } from '../../../src/orchestrator/spending.ts';
import { inProgress } from '../domain/given.ts';
import { endOf, executed, openRun, startOfTracedRun, typesOf } from './executed-run.ts';
import { type Behaviour, failing, fakeModel, finish, saying } from './fake-model.ts';

const usage = { input: 70, output: 30, cachedInput: null, reasoning: null };
const textOf = (events: readonly RecordedEvent[]) =>
  events.flatMap((event) => (event.type === 'output_delta' ? [event.payload.text] : [])).join('');
const outputOf = (events: readonly RecordedEvent[]) => {
  const output = events.find((event) => event.type === 'output');
  return output?.type === 'output' ? output.payload : null;
};

/** Never answers, until it is aborted. Then it rejects as providers do. */
const hanging =
  (piece = '', noteAbort: (reason: unknown) => void = () => undefined): Behaviour =>
  (sink, signal) =>
    new Promise((_resolve, reject) => {
      const abort = () => {
        noteAbort(signal.reason);
        reject(signal.reason);
      };
      if (piece !== '') sink.text(piece);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort);
    });

/** Charges that note what the calls used. */
function notedCharges(maxOutputTokens: number | null = null) {
  const planned: unknown[] = [];
  const settled: unknown[] = [];
  const spending: Spending = {
    async reserve(run, _budgets, call) {
      planned.push({ run, call });
      return { kind: 'reserved', maxOutputTokens, settle: async (used) => void settled.push(used) };
    },
  };
  return { parts: { spending }, planned, settled };
}

describe('an answer', () => {
  test('is recorded piece by piece, after the context', async () => {
    const events = await executed({ models: [fakeModel('m', [saying('Hello', ', ', 'ada.')])] });
    expect(events[0]).toMatchObject({ type: 'context', actor: 'SYSTEM' });
    expect(textOf(events)).toBe('Hello, ada.');
    expect(outputOf(events)).toMatchObject({ text: 'Hello, ada.', finishReason: 'stop', model: 'm', step: 1 });
  });

  test('teaches how estimates relate to what the provider counts, if it counts', async () => {
    const observe = vi.fn();
    const tokenMeter = { ratio: () => 1, observe };
    await executed({ models: [fakeModel('m', [async () => finish({ usage })])], parts: { tokenMeter } });
    expect(observe).toHaveBeenCalledExactlyOnceWith('m', { estimated: expect.any(Number), counted: 70 });
    await executed({ models: [fakeModel('m', [saying('Hello.')])], parts: { tokenMeter } });
    expect(observe).toHaveBeenCalledOnce();
  });

  test('that is longer than the limit is cut off, and its call is stopped', async () => {
    const reasons: unknown[] = [];
    const behaviour: Behaviour = async (sink, signal, request) => {
      sink.text('x'.repeat(9));
      return hanging('y'.repeat(9), (reason) => reasons.push(reason))(sink, signal, request);
    };
    const events = await executed({ models: [fakeModel('m', [behaviour])], settings: { answerBytes: 10 } });
    expect(outputOf(events)).toMatchObject({
      text: 'xxxxxxxxxy',
      finishReason: 'gateway-limit',
      toolCalls: [],
      usage: { estimated: true },
      responseId: null,
    });
    expect(textOf(events)).toBe('xxxxxxxxxy');
    expect(reasons).toHaveLength(1);
  });

  test('that is cut off keeps what the provider counted, and none of its calls', async () => {
    const end: Partial<ModelFinish> = {
      usage,
      responseId: 'res_1',
      reason: 'tool-calls',
      calls: [{ callId: null, tool: 't', arguments: '{}' }],
    };
    const behaviour: Behaviour = async (sink) => {
      sink.text('x'.repeat(11));
      return finish(end);
    };
    const events = await executed({ models: [fakeModel('m', [behaviour])], settings: { answerBytes: 10 } });
    expect(outputOf(events)).toMatchObject({
      finishReason: 'gateway-limit',
      toolCalls: [],
      usage: { input: 70, output: 30, estimated: false },
      responseId: 'res_1',
    });
  });

  test('keeps the output before an unexpected failure, which fails the run', async () => {
    const logged: unknown[] = [];
    const logger = { error: (details: unknown) => void logged.push(details) } as never;
    const error = new Error('a defect');
    const events = await executed({ models: [fakeModel('m', [failing(error, 'So far')])], parts: { logger } });
    expect(typesOf(events)).toEqual(['context', 'output_delta', 'status']);
    expect(endOf(events)?.error).toMatchObject({ code: 'INTERNAL', retryable: true });
    expect(logged).toEqual([{ err: error, errorId: expect.stringMatching(/^error_/), runId: 'run_1' }]);
    const [{ errorId }] = logged as [{ errorId: string }];
    expect(endOf(events)?.error?.message).toBe(
      `An unexpected error occurred in the gateway. Its log has the details under ${errorId}.`,
    );
  });
});

describe('the budget of a call', () => {
  test('is asked for the request of this run, and is charged what the provider counted', async () => {
    const { parts, planned, settled } = notedCharges();
    const model = fakeModel('m', [async () => finish({ usage })], { maxOutputTokens: 400 });
    const events = await executed({ models: [model], parts });
    expect(planned).toMatchObject([
      { run: { runId: 'run_1', epoch: 2, sessionId: 'ses_1', owner: 'ada' }, call: { outputTokens: 400 } },
    ]);
    const [context] = events;
    if (context?.type !== 'context') throw new Error('The first event is no context.');
    expect(planned).toMatchObject([{ call: { inputTokens: context.payload.estimatedTokens } }]);
    expect(settled).toEqual([{ TOKENS: 100, COST: 0 }]);
  });

  test('shortens the answer, if it has to', async () => {
    const limited = fakeModel('m', [saying('Hello.')]);
    await executed({ models: [limited], parts: notedCharges(50).parts });
    expect(limited.requests).toMatchObject([{ maxOutputTokens: 50 }]);
    const free = fakeModel('m', [saying('Hello.')]);
    await executed({ models: [free], parts: notedCharges(null).parts });
    expect(free.requests[0]).not.toHaveProperty('maxOutputTokens');
  });

  const refused = new ModelError('MODEL_REFUSED', 'No.', { retryable: false });

  test('is not charged for a call that the provider refuses before its first output', async () => {
    const { parts, settled } = notedCharges();
    await executed({ models: [fakeModel('m', [failing(refused)])], parts });
    expect(settled).toEqual([{ TOKENS: 0, COST: 0 }]);
  });

  test.each([
    ['a failure after output', failing(refused, 'x'.repeat(40)), 10],
    ['an unexpected failure before output', failing(new Error('a defect')), 0],
  ])('is charged an estimate after %s', async (_name, behaviour, output) => {
    const { parts, settled, planned } = notedCharges();
    await executed({ models: [fakeModel('m', [behaviour])], parts });
    const [{ call }] = planned as [{ call: { inputTokens: number } }];
    expect(call.inputTokens).toBeGreaterThan(0);
    expect(settled).toEqual([{ TOKENS: call.inputTokens + output, COST: 0 }]);
  });

  function exceeding(onLimit: 'fail' | 'ask') {
    const account = { key: 'PRINCIPAL ada TOKENS', kind: 'TOKENS', endsAt: null } as const;
    const state: BudgetState = {
      budget: { appliesTo: 'PRINCIPAL', agent: null, period: 'TOTAL', kind: 'TOKENS', allowance: 1000, onLimit },
      account,
      use: { spent: 900, reserved: 0 },
      increase: null,
    };
    const exceeded: ExceededBudget = { kind: 'exceeded', state, needed: 500, isBlocked: false };
    const spending: Spending = { reserve: async () => exceeded };
    return { parts: { spending }, models: [fakeModel('m', [saying('no')])] as const };
  }

  test('that the call does not fit into fails the run, and the model is not called', async () => {
    const options = exceeding('fail');
    const events = await executed(options);
    expect(endOf(events)).toMatchObject({ to: 'FAILED', error: { code: 'BUDGET', retryable: false } });
    expect(endOf(events)?.error?.message).toContain('used 900 of 1000, and the call needs up to 500.');
    expect([typesOf(events), options.models[0].requests]).toEqual([['status'], []]);
  });

  test('that the call does not fit into lets the run wait for a person, if it says so', async () => {
    const options = exceeding('ask');
    const events = await executed({ ...options, given: [5000, inProgress] });
    expect(events).toMatchObject([
      {
        type: 'wait_request',
        actor: 'SYSTEM',
        payload: {
          waitId: 'budgetRequest_1',
          kind: 'BUDGET',
          callId: null,
          // The clock stands at 0, and the settings give a person 60 seconds.
          expiresAt: 60_000,
          question: null,
          budget: { budget: 'TOKENS', spent: 900, allowance: 1000, needed: 500 },
        },
      },
      { type: 'status', payload: { to: 'AWAITING_APPROVAL' } },
    ]);
    expect(options.models[0].requests).toEqual([]);
  });
});

describe('the trace of a run', () => {
  const traceParent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  const given = startOfTracedRun(traceParent);
  const broken = failing(new ModelError('MODEL_UNAVAILABLE', 'Broken.', { retryable: true }), 'So far');

  test('is told to the model, with another span for each call', async () => {
    const model = fakeModel('m', [broken, saying('Hello.')]);
    await executed({ models: [model], given, settings: { tracing: true } });
    const headers = model.requests.map((request) => request.traceParent);
    for (const header of headers) expect(header).toMatch(new RegExp(`^00-${'1'.repeat(32)}-[0-9a-f]{16}-01$`));
    expect(new Set([traceParent, ...headers]).size).toBe(3);
  });

  test('is not told unless traces are exported', async () => {
    const model = fakeModel('m', [saying('Hello.')]);
    await executed({ models: [model], given });
    expect(model.requests[0]).not.toHaveProperty('traceParent');
  });
});

describe('a run that is not executed here any more', () => {
  test('stops the model when the lease is lost', async () => {
    let isLost = false;
    const aborts: unknown[] = [];
    const { parts, settled } = notedCharges();
    const { dependencies, execute } = await openRun({
      models: [fakeModel('m', [hanging('So far', (reason) => aborts.push(reason))])],
      parts,
      onAppend: (events) => {
        isLost ||= events.some(({ type }) => type === 'output_delta');
      },
    });
    const { append } = dependencies.journal;
    dependencies.journal.append = async (request) => {
      const outcome = await append(request);
      return isLost ? { kind: 'stale-epoch' } : outcome;
    };
    await execute();
    expect(aborts).toEqual([expect.objectContaining({ message: 'The run is not executed here any more.' })]);
    // The provider was asked, and has answered something.
    expect(settled).toEqual([{ TOKENS: expect.any(Number), COST: 0 }]);
  });

  test.each(['So far', ''])(
    'stops the model if the context could not be recorded, and records nothing of its answer: "%s"',
    async (piece) => {
      const { dependencies, execute, committed } = await openRun({ models: [fakeModel('m', [hanging(piece)])] });
      const appended: string[][] = [];
      dependencies.journal.append = async ({ events }) => {
        appended.push(events.map(({ type }) => type));
        return { kind: 'stale-epoch' };
      };
      await execute();
      expect(appended).toEqual([['context']]);
      // The lease is released, if this server still has it.
      expect(committed).toHaveLength(1);
    },
  );

  test.each(['context', 'output_delta'])('rejects with the error of a store that fails at the %s', async (type) => {
    const error = new StoreError('unavailable', 'disk full');
    const { execute } = await openRun({
      models: [fakeModel('m', [hanging('So far')])],
      onAppend: (events) => {
        if (events.some((event) => event.type === type)) throw error;
      },
    });
    await expect(execute()).rejects.toBe(error);
  });

  test('starts the step again elsewhere if the answer is complete and part of it could not be recorded', async () => {
    const { dependencies, execute } = await openRun({ models: [fakeModel('m', [saying('Hello.')])] });
    const { append } = dependencies.journal;
    dependencies.journal.append = async (request) =>
      request.events.some(({ type }) => type === 'output_delta') ? { kind: 'stale-epoch' } : append(request);
    expect(typesOf(await execute())).toEqual(['context']);
  });

  test('records no end of an answer whose beginning could not be recorded, although the model goes on', async () => {
    const behaviour: Behaviour = async (sink, signal) => {
      sink.text('So far');
      await once(signal, 'abort');
      return finish();
    };
    const { dependencies, execute } = await openRun({ models: [fakeModel('m', [behaviour])] });
    const { append } = dependencies.journal;
    let isRefused = false;
    dependencies.journal.append = async (request) => {
      if (isRefused || !request.events.some(({ type }) => type === 'output_delta')) return append(request);
      isRefused = true;
      return { kind: 'stale-epoch' };
    };
    expect(typesOf(await execute())).toEqual(['context']);
    expect(isRefused).toBe(true);
  });
});

describe('a step that is aborted', () => {
  test('by a stop of the server records the output so far and nothing after it', async () => {
    const control = new AbortController();
    const run = await openRun({ models: [fakeModel('m', [hanging('So far')])], control: { signal: control.signal } });
    const done = run.execute();
    await run.untilRecorded('output_delta');
    control.abort('shutdown');
    expect(typesOf(await done)).toEqual(['context', 'output_delta']);
    // The lease is released without an append.
    expect(run.committed).toHaveLength(1);
  });

  test('records what arrives at the moment of the abort', async () => {
    const behaviour: Behaviour = (sink, signal) =>
      new Promise((_resolve, reject) => {
        sink.text('So far');
        signal.addEventListener('abort', () => {
          sink.text(', and the rest');
          reject(signal.reason);
        });
      });
    const control = new AbortController();
    const run = await openRun({ models: [fakeModel('m', [behaviour])], control: { signal: control.signal } });
    const done = run.execute();
    await run.untilRecorded('output_delta');
    control.abort('shutdown');
    const events = await done;
    expect([typesOf(events), textOf(events)]).toEqual([
      ['context', 'output_delta', 'output_delta'],
      'So far, and the rest',
    ]);
  });

  test('because the lease is lost releases nothing', async () => {
    const control = new AbortController();
    const run = await openRun({ models: [fakeModel('m', [hanging()])], control: { signal: control.signal } });
    const done = run.execute();
    await run.untilRecorded('context');
    control.abort('lease-lost');
    expect(typesOf(await done)).toEqual(['context']);
    expect(run.committed).toEqual([]);
  });

  test('at the deadline of the run ends the run', async () => {
    const run = await openRun({ models: [fakeModel('m', [hanging('So far')])] });
    const done = run.execute();
    await run.untilRecorded('output_delta');
    // The limits of the tests give a run 10 seconds.
    await run.clock.advance(9999);
    expect(typesOf(await run.recorded())).toEqual(['context', 'output_delta']);
    await run.clock.advance(1);
    expect(endOf(await done)).toMatchObject({ to: 'FAILED', error: { code: 'DEADLINE' } });
    expect(run.clock.pending()).toBe(0);
  });
});
