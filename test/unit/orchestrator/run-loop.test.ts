import { describe, expect, test } from 'vitest';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { clearSuspicion, releaseLease } from '../../../src/orchestrator/leases.ts';
import { executeRun } from '../../../src/orchestrator/run-loop.ts';
import {
  awaitingApproval,
  callsRequested,
  context,
  type Given,
  inProgress,
  output,
  pending,
  runId,
  status,
  steered,
  toolDecision,
  toolResult,
  toolStart,
} from '../domain/given.ts';
import { endOf, executed, openRun, typesOf } from './executed-run.ts';
import { failing, fakeModel, finish, saying } from './fake-model.ts';
import { callingTools, fakeTool } from './fake-tool.ts';

const idle = { signal: new AbortController().signal, isStopping: () => false, onAsking: () => undefined };
const models = () => [fakeModel('m', [saying('Done.')])];

/** The rows of the appends, and those that were committed without events, which change a lease like this one. */
async function changesOf({ dependencies, committed }: Awaited<ReturnType<typeof openRun>>, like: RowWrite) {
  const rows = (dependencies.journal as unknown as { rows(): RowWrite[] }).rows();
  const count = (list: readonly RowWrite[]) => list.filter(({ statement }) => statement === like.statement).length;
  return { appended: count(rows), alone: count(committed) };
}

describe('an execution', () => {
  test('starts a pending run as the next turn of its session, and executes it', async () => {
    const run = await openRun({ models: models(), given: pending });
    const { query } = run.dependencies.database;
    run.dependencies.database.query = (async (statement: { sqlite: string }, ...parameters: never[]) =>
      statement.sqlite.includes('max("turn")')
        ? [{ turn: 4 }]
        : query(statement as never, ...parameters)) as typeof query;
    const events = await run.execute();
    expect(events[0]).toMatchObject({ type: 'status', payload: { from: 'PENDING', to: 'IN_PROGRESS', turn: 5 } });
    expect(endOf(events)?.to).toBe('DONE');
  });

  test('starts a run whose server was lost before it could start it', async () => {
    const events = await executed({ models: models(), given: pending, lease: { lost: true, alone: true } });
    expect(typesOf(events)).not.toContain('resumption');
    expect(endOf(events)?.to).toBe('DONE');
  });

  test('leaves a run pending that the database does not let start', async () => {
    const run = await openRun({ models: models(), given: pending });
    run.dependencies.journal.append = async () => ({ kind: 'constraint', rule: 'Run_active' });
    expect(await run.execute()).toEqual([]);
    expect(await changesOf(run, releaseLease(run.lease))).toEqual({ appended: 0, alone: 1 });
  });

  test('releases the lease with the event after which the run needs it no more', async () => {
    const run = await openRun({ models: models() });
    await run.execute();
    expect(await changesOf(run, releaseLease(run.lease))).toEqual({ appended: 1, alone: 0 });
  });

  test.each<[string, Given]>([
    ['waits for a person', awaitingApproval('a')],
    ['has ended', [inProgress, status('IN_PROGRESS', 'CANCELLED', { reason: null })]],
  ])('releases the lease of a run that %s, and records nothing', async (_name, given) => {
    const run = await openRun({ models: models(), given });
    expect(await run.execute()).toEqual([]);
    expect(await changesOf(run, releaseLease(run.lease))).toEqual({ appended: 0, alone: 1 });
  });

  test('releases the lease of a run that does not exist any more', async () => {
    const { dependencies, lease, committed } = await openRun();
    await executeRun(dependencies, { ...lease, runId: 'run_gone' }, idle);
    expect(committed.map(({ row }) => row)).toEqual([{ runId: 'run_gone', epoch: lease.epoch }]);
  });

  test('releases the lease of a run whose session was deleted, and executes nothing', async () => {
    const run = await openRun({ models: models() });
    run.dependencies.database.query = async () => [];
    expect(await run.execute()).toEqual([]);
    expect(run.committed.map(({ row }) => row)).toEqual([{ runId, epoch: run.lease.epoch }]);
  });

  test('records the transition that a tape without it calls for', async () => {
    const steps = [1, 2, 3, 4].map(
      (step): Given => [context(step), output(step, { calls: [`c${step}`] }), toolResult(`c${step}`)],
    );
    const events = await executed({ models: models(), given: [inProgress, steps] });
    expect(typesOf(events)).toEqual(['status']);
    expect(endOf(events)).toMatchObject({ to: 'FAILED', error: { code: 'STEP_LIMIT' } });
  });

  test('continues a run with a message that arrived during its last step', async () => {
    let isFirst = true;
    const model = fakeModel('m', [saying('One.'), saying('Two.')]);
    const run = await openRun({
      models: [model],
      async onAppend(events) {
        if (!isFirst || !events.some(({ type }) => type === 'output')) return;
        isFirst = false;
        await run.dependencies.runStore.record({
          runId,
          sessionId: 'ses_1',
          epoch: null,
          decide: () => ({ kind: 'events', events: [steered('and then?')] }),
        });
      },
    });
    const events = await run.execute();
    expect(model.requests).toHaveLength(2);
    expect(typesOf(events).filter((type) => type === 'input')).toHaveLength(1);
    expect(endOf(events)?.to).toBe('DONE');
  });

  test('keeps the models of its catalogue open until it is over', async () => {
    let isClosed = false;
    const catalogue = { defaultName: 'm', names: ['m'], find: () => model };
    const model = fakeModel('m', [
      async () => {
        run.dependencies.catalogue.replace(catalogue);
        await new Promise(setImmediate);
        expect(isClosed).toBe(false);
        return finish();
      },
    ]);
    const run = await openRun({ models: [model] });
    run.dependencies.catalogue.replace({
      ...catalogue,
      async [Symbol.asyncDispose]() {
        isClosed = true;
      },
    });
    await run.execute();
    await new Promise(setImmediate);
    expect(isClosed).toBe(true);
  });

  test('counts the time at work on the events of calls', async () => {
    const tool = fakeTool('look', async () => {
      await run.clock.advance(1500);
      return null;
    });
    const run = await openRun({ models: [fakeModel('m', callingTools('look'))], tools: [tool] });
    const events = await run.execute();
    expect(events.find(({ type }) => type === 'tool_result')?.payload).toMatchObject({ workMilliseconds: 1500 });
  });

  test('stops the other calls of its step when it ends because the result of one cannot be stored', async () => {
    let isStopped = false;
    const slow = fakeTool(
      'slow',
      (_input, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            isStopped = true;
          });
        }),
      { parallelSafe: true },
    );
    const run = await openRun({
      tools: [slow, fakeTool('quick', async () => 'x', { parallelSafe: true })],
      models: [fakeModel('m', callingTools('slow', 'quick'))],
      onAppend(events) {
        if (events.some(({ type }) => type === 'tool_result')) throw new StoreError('busy', 'locked');
      },
    });
    await expect(run.execute()).rejects.toThrow(StoreError);
    expect(isStopped).toBe(true);
  });
});

describe('B49: an execution that takes up a run', () => {
  const interrupted: Given = [callsRequested('a'), toolDecision('a', 'ALLOW'), toolStart('a')];

  test('says why, and repeats the interrupted call of an idempotent tool', async () => {
    const keys: string[] = [];
    const tool = fakeTool(
      'tool_a',
      async (_input, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        return null;
      },
      { idempotent: true },
    );
    const options = { models: models(), tools: [tool], given: interrupted };
    const lost = await executed({ ...options, lease: { lost: true, alone: true } });
    expect(lost.slice(0, 3)).toMatchObject([
      {
        type: 'resumption',
        actor: 'SYSTEM',
        payload: {
          attempt: 1,
          step: 1,
          epoch: 2,
          lost: true,
          alone: true,
          brokeOff: false,
          reason: 'Its server was lost.',
        },
      },
      { type: 'tool_start', payload: { attempt: 2, idempotencyKey: 'key_a' } },
      { type: 'tool_result' },
    ]);
    const stopped = await executed({ ...options, lease: { lost: false, alone: true } });
    expect(stopped[0]).toMatchObject({
      type: 'resumption',
      payload: { lost: false, alone: false, reason: 'Its server was stopped.' },
    });
    expect(keys).toEqual(['key_a', 'key_a']);
  });

  test('waits until the sources of the tools of its calls are ready, and decides about all of its calls at once', async () => {
    const names: string[] = [];
    const source = {
      list: () => [fakeTool('tool_a', async () => null), fakeTool('tool_b', async () => null)],
      unavailableReason: () => null,
      waitUntilReady: async (name: string) => void names.push(name),
    };
    const appends: string[][] = [];
    await executed({
      models: models(),
      sources: [source],
      given: callsRequested('a', 'b'),
      onAppend: (events) => void appends.push(events.map(({ type }) => type)),
    });
    expect(names.slice(0, 2)).toEqual(['tool_a', 'tool_b']);
    expect(appends[0]).toEqual(['tool_decision', 'tool_decision', 'tool_start']);
  });

  test('names the last step if none is in progress', async () => {
    const given: Given = [
      inProgress,
      [1, 2].map((step): Given => [context(step), output(step, { calls: [`c${step}`] }), toolResult(`c${step}`)]),
    ];
    const [event] = await executed({ models: models(), given, lease: { lost: true } });
    expect(event).toMatchObject({ type: 'resumption', payload: { step: 2 } });
    const [first] = await executed({ models: models(), given: inProgress, lease: { lost: true } });
    expect(first).toMatchObject({ type: 'resumption', payload: { step: 1 } });
  });

  test('says in the failure how often the run was resumed', async () => {
    const attempts = [1, 2, 3].map(
      (attempt): Given => [
        context(1),
        {
          type: 'resumption',
          actor: 'SYSTEM',
          payload: { attempt, step: 1, epoch: 1, lost: true, alone: true, brokeOff: false, reason: 'Lost.' },
        },
      ],
    );
    const events = await executed({
      models: models(),
      given: [inProgress, attempts, context(1)],
      lease: { lost: true, alone: true, suspicion: 1 },
    });
    expect(endOf(events)?.error).toEqual({
      code: 'RESUME_LIMIT',
      message:
        'The run was resumed 3 times in a row without progress, and its server executed no other run when it was lost.',
      retryable: true,
    });
  });

  test('ends the suspicion with its first progress, once', async () => {
    const run = await openRun({
      models: [fakeModel('m', callingTools('look'))],
      tools: [fakeTool('look', async () => null)],
      lease: { lost: true, alone: true, suspicion: 1 },
    });
    const events = await run.execute();
    expect(typesOf(events).slice(0, 2)).toEqual(['resumption', 'context']);
    expect(await changesOf(run, clearSuspicion(run.lease))).toEqual({ appended: 1, alone: 0 });
    const other = await openRun({ models: models() });
    await other.execute();
    expect(await changesOf(other, clearSuspicion(other.lease))).toEqual({ appended: 0, alone: 0 });
  });

  test('does not end the suspicion without progress', async () => {
    const run = await openRun({
      models: [fakeModel('m', [failing('lease-lost')])],
      lease: { lost: true, alone: true, suspicion: 1 },
      control: { signal: AbortSignal.abort('lease-lost') },
    });
    await run.execute();
    expect(await changesOf(run, clearSuspicion(run.lease))).toEqual({ appended: 0, alone: 0 });
    expect(await changesOf(run, releaseLease(run.lease))).toEqual({ appended: 0, alone: 0 });
  });
});
