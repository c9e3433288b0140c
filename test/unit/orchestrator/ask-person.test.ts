import { getEventListeners, once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { FOLLOW_POLL_SECONDS } from '../../../src/config/limits.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import type { Json } from '../../../src/domain/events.ts';
import { expiryMessages } from '../../../src/domain/settled-wait.ts';
import { runId } from '../domain/given.ts';
import { endOf, openRun } from './executed-run.ts';
import { fakeModel } from './fake-model.ts';
import { callingTools, fakeTool } from './fake-tool.ts';

const question = { prompt: 'Which zoo?', answerSchema: { type: 'string' }, url: null };

/** A run whose tool asks a person, when the question is recorded. `told` is what the tool was told. */
async function openQuestion(options: Parameters<typeof openRun>[0] = {}, asked = question) {
  const unneeded = new AbortController();
  const told: unknown[] = [];
  const tool = fakeTool('ask', async (_input, { ask }) => {
    const answer = await ask?.(asked, unneeded.signal).catch((error: unknown) => {
      told.push(error);
      throw error;
    });
    told.push(answer);
    return null;
  });
  const run = await openRun({ models: [fakeModel('m', callingTools('ask'))], tools: [tool], ...options });
  const done = run.execute();
  await run.untilRecorded('wait_request');
  const [request] = (await run.recorded()).flatMap((event) => (event.type === 'wait_request' ? [event.payload] : []));
  if (!request) throw new Error('Nothing was asked.');
  const { waitId } = request;
  /** Settles the question as another server does, which notifies nobody here. */
  const settle = (command: RunCommand) =>
    run.dependencies.runStore.record({
      runId,
      sessionId: 'ses_1',
      epoch: null,
      decide: (fold, { now }) => decide(fold, command, now),
    });
  const reply = (action: 'ANSWER' | 'DECLINE' | 'CANCEL', answer: Json = null) =>
    settle({
      kind: 'answerQuestion',
      waitId,
      by: 'ada',
      reply: action === 'ANSWER' ? { action, answer, storedText: null } : { action },
      reason: 'Because.',
    });
  const poll = () => run.clock.advance(FOLLOW_POLL_SECONDS * 1000);
  return { ...run, done, request, told, settle, reply, poll, unneeded };
}

const settlementsOf = async ({ recorded }: Awaited<ReturnType<typeof openQuestion>>) =>
  (await recorded()).flatMap((event) => (event.type === 'wait_settled' ? [event.payload] : []));

describe('the question of a running tool', () => {
  test('is recorded before anybody is asked, without credentials', async () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const { request, reply, poll, done } = await openQuestion({}, { ...question, prompt: `Is ${token} yours?` });
    expect(request).toMatchObject({
      waitId: expect.stringMatching(/^question_/),
      kind: 'QUESTION',
      callId: 'call_1',
      expiresAt: 60_000,
      question: { answerSchema: { type: 'string' }, source: 'builtin', url: null },
      budget: null,
    });
    expect(JSON.stringify(request)).not.toContain(token);
    expect(request.question?.prompt).toMatch(/^Is .+ yours\?$/);
    await reply('CANCEL');
    await poll();
    await done;
  });

  test('is answered at the next look at the tape, if the notification was lost', async () => {
    const { reply, clock, told, done } = await openQuestion();
    await reply('ANSWER', 'Berlin');
    await clock.advance(FOLLOW_POLL_SECONDS * 1000 - 1);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(endOf(await done)?.to).toBe('DONE');
    expect(told).toEqual([{ action: 'ANSWER', answer: 'Berlin' }]);
  });

  test('is answered at once after a notification', async () => {
    const { reply, told, done, dependencies, clock, unneeded } = await openQuestion();
    await reply('ANSWER', 'Berlin');
    dependencies.notifications.publish({ runId, sessionId: 'ses_1', head: 1, events: null, hints: [] });
    await done;
    expect([told, clock.now()]).toEqual([[{ action: 'ANSWER', answer: 'Berlin' }], 0]);
    expect(dependencies.notifications.listeners()).toBe(0);
    expect(getEventListeners(unneeded.signal, 'abort')).toEqual([]);
  });

  test.each(['DECLINE', 'CANCEL'] as const)('can be answered with %s', async (action) => {
    const { reply, poll, told, done } = await openQuestion();
    await reply(action);
    await poll();
    await done;
    expect(told).toEqual([{ action, reason: 'Because.' }]);
  });

  test('that nobody answers in time fails with that reason', async () => {
    const run = await openQuestion();
    await run.clock.advance(60_000);
    await run.settle({ kind: 'expireWait', waitId: run.request.waitId, onExpiry: 'deny' });
    await run.poll();
    await run.done;
    expect(run.told).toEqual([new Error(expiryMessages.QUESTION)]);
  });

  test('that is withdrawn fails', async () => {
    const run = await openQuestion();
    await run.settle({ kind: 'withdrawQuestions', waitId: run.request.waitId, reason: 'No.' });
    await run.poll();
    await run.done;
    expect(run.told).toEqual([new Error('The question was withdrawn.')]);
  });

  test('that its tool does not need any more is withdrawn', async () => {
    const run = await openQuestion();
    const reason = new Error('The tool has found it.');
    run.unneeded.abort(reason);
    expect(endOf(await run.done)?.to).toBe('DONE');
    expect(run.told).toEqual([reason]);
    expect(await settlementsOf(run)).toMatchObject([
      { waitId: run.request.waitId, outcome: 'WITHDRAWN', reason: 'The tool does not wait for the answer any more.' },
    ]);
  });

  test('is not asked if its tool does not need it any more', async () => {
    const reason = new Error('never mind');
    const tool = fakeTool('ask', async (_input, { ask }) => {
      await ask?.(question, AbortSignal.abort(reason));
      return null;
    });
    const { execute } = await openRun({ models: [fakeModel('m', callingTools('ask'))], tools: [tool] });
    const events = await execute();
    expect(events.filter(({ type }) => type === 'wait_request')).toEqual([]);
    expect(events.find(({ type }) => type === 'tool_result')?.payload).toMatchObject({
      ok: false,
      error: 'never mind',
    });
  });

  test('is not waited for if it could not be recorded, because the run is executed elsewhere', async () => {
    const told: unknown[] = [];
    const tool = fakeTool('ask', async (_input, { ask }) => {
      await ask?.(question, new AbortController().signal).catch((error: unknown) => {
        told.push(error);
        throw error;
      });
      return null;
    });
    const { dependencies, execute, clock } = await openRun({
      models: [fakeModel('m', callingTools('ask'))],
      tools: [tool],
    });
    const { append } = dependencies.journal;
    dependencies.journal.append = async (request) =>
      request.events.some(({ type }) => type === 'wait_request') ? { kind: 'stale-epoch' } : append(request);
    await execute();
    expect(told).toEqual([new Error('The run does not continue.')]);
    expect([dependencies.notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('is not recorded if another append came first, and the call has ended since', async () => {
    const tool = fakeTool('ask', async (_input, { ask }) => {
      ask?.(question, new AbortController().signal).catch(() => {});
      return null;
    });
    const run = await openRun({ models: [fakeModel('m', callingTools('ask'))], tools: [tool] });
    const { journal } = run.dependencies;
    const { append } = journal;
    const ended = new AbortController();
    journal.append = async (request) => {
      const types = request.events.map(({ type }) => type);
      if (types.includes('wait_request') && !ended.signal.aborted) {
        await once(ended.signal, 'abort');
        return { kind: 'conflict', head: 0 };
      }
      const outcome = await append(request);
      if (types.includes('tool_result')) ended.abort();
      return outcome;
    };
    const events = await run.execute();
    expect(endOf(events)?.to).toBe('DONE');
    expect(events.filter(({ type }) => type === 'wait_request')).toEqual([]);
  });

  test('waits while the database is away', async () => {
    const { dependencies, reply, poll, told, done } = await openQuestion();
    const { readMany } = dependencies.journal;
    dependencies.journal.readMany = async () => {
      throw new StoreError('unavailable', 'away');
    };
    await reply('ANSWER', 'Berlin');
    await poll();
    await poll();
    expect(told).toEqual([]);
    dependencies.journal.readMany = readMany;
    await poll();
    await done;
    expect(told).toEqual([{ action: 'ANSWER', answer: 'Berlin' }]);
  });

  test('fails if the tape cannot be read for another reason', async () => {
    const { dependencies, poll, told, done } = await openQuestion();
    const { readMany } = dependencies.journal;
    const error = new Error('an unknown event');
    dependencies.journal.readMany = async () => {
      dependencies.journal.readMany = readMany;
      throw error;
    };
    await poll();
    await done;
    expect(told).toEqual([error]);
  });
});

describe('while a tool waits for an answer', () => {
  test('the time of the run stands still', async () => {
    const run = await openQuestion();
    // The limits of the tests give a run 10 seconds.
    await run.clock.advance(30_000);
    await run.reply('ANSWER', 'Berlin');
    await run.poll();
    expect(endOf(await run.done)?.to).toBe('DONE');
    expect(run.clock.pending()).toBe(0);
  });

  test('the time of the run goes on from where it stood', async () => {
    const finished = new AbortController();
    const tool = fakeTool('ask', async (_input, { ask }) => {
      await ask?.(question, new AbortController().signal);
      await once(finished.signal, 'abort');
      return null;
    });
    const run = await openQuestion({ tools: [tool] });
    await run.clock.advance(30_000);
    await run.reply('ANSWER', 'Berlin');
    await run.poll();
    await run.clock.advance(9999);
    expect(endOf(await run.recorded())?.to).not.toBe('FAILED');
    await run.clock.advance(1000);
    expect(endOf(await run.done)).toMatchObject({ to: 'FAILED', error: { code: 'DEADLINE' } });
    finished.abort();
  });

  test('the run is reported as asking, once however many of its tools ask', async () => {
    const log: boolean[] = [];
    const asking = (name: string) =>
      fakeTool(name, async (_input, { ask }) => (await ask?.(question, new AbortController().signal))?.action ?? null, {
        parallelSafe: true,
      });
    const run = await openQuestion({
      models: [fakeModel('m', callingTools('one', 'two'))],
      tools: [asking('one'), asking('two')],
      control: { onAsking: (isAsking) => void log.push(isAsking) },
    });
    await run.clock.advance(0);
    const requests = (await run.recorded()).flatMap((event) =>
      event.type === 'wait_request' ? [event.payload.waitId] : [],
    );
    expect([requests.length, log]).toEqual([2, [true]]);
    await run.reply('CANCEL');
    await run.poll();
    expect(log).toEqual([true]);
    const [, second = ''] = requests;
    await run.settle({
      kind: 'answerQuestion',
      waitId: second,
      by: 'ada',
      reason: null,
      reply: { action: 'CANCEL' },
    });
    await run.poll();
    await run.done;
    expect(log).toEqual([true, false]);
  });

  test('an executor that stops withdraws the question, so that nobody answers it in vain', async () => {
    const control = new AbortController();
    const run = await openQuestion({ control: { signal: control.signal } });
    control.abort('shutdown');
    await run.done;
    expect(await settlementsOf(run)).toMatchObject([
      {
        outcome: 'WITHDRAWN',
        reason: 'The server of the call was stopped or lost. The call may be repeated, and asks again then.',
      },
    ]);
    expect(run.told).toHaveLength(1);
  });

  test('an executor that has lost its lease leaves the question to the next one, which withdraws it', async () => {
    const control = new AbortController();
    const run = await openQuestion({ control: { signal: control.signal } });
    control.abort('lease-lost');
    await run.done;
    expect(await settlementsOf(run)).toEqual([]);
    const events = await run.execute();
    expect(await settlementsOf(run)).toMatchObject([{ outcome: 'WITHDRAWN' }]);
    // It goes on: nobody knows what the interrupted call has done.
    expect(events.at(-1)).toMatchObject({ type: 'status', payload: { to: 'AWAITING_APPROVAL' } });
  });

  test('the question of one of two calls is withdrawn too', async () => {
    const control = new AbortController();
    const asking = fakeTool('ask', async (_input, { ask }) => {
      await ask?.(question, new AbortController().signal);
      return null;
    });
    const other = fakeTool('other', () => new Promise(() => {}));
    const run = await openQuestion({
      models: [fakeModel('m', callingTools('ask', 'other'))],
      tools: [asking, other].map((tool) => ({ ...tool, parallelSafe: true })),
      control: { signal: control.signal },
    });
    control.abort('lease-lost');
    await run.done;
    const events = await run.execute();
    expect(await settlementsOf(run)).toMatchObject([{ waitId: run.request.waitId, outcome: 'WITHDRAWN' }]);
    expect(events.filter(({ type }) => type === 'approval_request')).toHaveLength(2);
  });

  test('an executor that cannot withdraw the question records nothing else', async () => {
    const control = new AbortController();
    const run = await openQuestion({ control: { signal: control.signal } });
    control.abort('lease-lost');
    await run.done;
    const before = await run.recorded();
    const appends: string[][] = [];
    run.dependencies.journal.append = async ({ events }) => {
      appends.push(events.map(({ type }) => type));
      return { kind: 'stale-epoch' };
    };
    expect(await run.execute()).toEqual(before);
    expect(new Set(appends.map(([first]) => first))).toEqual(new Set(['wait_settled']));
  });
});
