import { describe, expect, test } from 'vitest';
import { SUMMARY_FAILURES } from '../../../src/config/limits.ts';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { ModelError } from '../../../src/models/model.ts';
import { context, type Given, inProgress, output, toolResult } from '../domain/given.ts';
import { endOf, openRun, typesOf } from './executed-run.ts';
import { type Behaviour, failing, fakeModel, saying } from './fake-model.ts';

const long = (step: number): Given => [
  context(step, 'm'),
  output(step, { calls: [`c${step}`] }),
  toolResult(`c${step}`, { output: 'x'.repeat(2000) }),
];
/** A run whose own history takes too much of a window of 2,000 tokens. */
const longRun: Given = [inProgress, long(1), long(2), long(3)];

async function answer(behaviours: [Behaviour, ...Behaviour[]], given: Given = longRun, contextTokens = 2000) {
  const model = fakeModel('m', behaviours, { contextTokens });
  const limits = { maxSteps: 9, maxToolCalls: 9, runSeconds: 10, maxTokens: 100_000, maxCost: null };
  const warnings: unknown[] = [];
  const logger = { warn: (...warning: unknown[]) => void warnings.push(warning), error: () => undefined } as never;
  const run = await openRun({ models: [model], given, settings: { limits }, parts: { logger } });
  const events = await run.execute();
  const rows = (run.dependencies.journal as unknown as { rows(): RowWrite[] }).rows();
  return { events, model, warnings, summaries: rows.flatMap(({ row }) => ('summary' in row ? [row] : [])) };
}

const contexts = (events: readonly RecordedEvent[]) =>
  events.flatMap((event) => (event.type === 'context' ? [event.payload] : []));

describe('a run that takes too much of the window', () => {
  test('is summarised before the model is called, and the summary is recorded', async () => {
    const { events, model, summaries } = await answer([saying('They looked three times.'), saying('Done.')]);
    expect(typesOf(events)).toEqual(['compaction', 'context', 'output_delta', 'output', 'status']);
    expect(summaries).toMatchObject([
      { sessionId: 'ses_1', runId: 'run_1', trigger: 'OVERFLOW', summary: 'They looked three times.', model: 'm' },
    ]);
    const [{ tokensBefore, tokensAfter, id } = {}] = summaries;
    expect(events[0]).toMatchObject({
      actor: 'SYSTEM',
      payload: { artifactId: id, tokensBefore, tokensAfter, model: 'm' },
    });
    expect(model.requests).toHaveLength(2);
  });

  test('is shown without a summary if that fails, and the context says so', async () => {
    const refused = failing(new ModelError('MODEL_UNAVAILABLE', 'No summary.', { retryable: true }));
    const { events, warnings, summaries } = await answer([refused, saying('Done.')]);
    expect(typesOf(events)).toEqual(['context', 'output_delta', 'output', 'status']);
    expect(contexts(events)).toMatchObject([{ failedCompaction: { model: 'm', reason: expect.any(String) } }]);
    expect([warnings, summaries]).toEqual([[[{ runId: 'run_1', model: 'm' }, 'a summary could not be used']], []]);
  });

  test('is not summarised again after so many failures', async () => {
    const usage = null;
    const failed = Array.from({ length: SUMMARY_FAILURES }, (): Given => {
      const event = context(4, 'm');
      if (event.type !== 'context') throw new Error('It is no context.');
      return { ...event, payload: { ...event.payload, failedCompaction: { reason: 'No.', model: 'm', usage } } };
    });
    const given = [longRun, failed];
    const { events, model } = await answer([saying('Done.')], given);
    expect(model.requests).toHaveLength(1);
    expect(contexts(events)).toMatchObject([{ failedCompaction: null }]);
    expect((await answer([saying('Sum.'), saying('Done.')], [longRun, failed.slice(1)])).model.requests).toHaveLength(
      2,
    );
  });

  test('is not recorded as summarised if the run is not executed here any more', async () => {
    const model = fakeModel('m', [saying('They looked three times.')], { contextTokens: 2000 });
    const limits = { maxSteps: 9, maxToolCalls: 9, runSeconds: 10, maxTokens: 100_000, maxCost: null };
    const errors: unknown[] = [];
    const logger = { error: (...error: unknown[]) => void errors.push(error) } as never;
    const parts = { logger };
    const { dependencies, execute } = await openRun({ models: [model], given: longRun, settings: { limits }, parts });
    dependencies.journal.append = async () => ({ kind: 'stale-epoch' });
    expect(await execute()).toEqual([]);
    expect([model.requests.length, errors]).toEqual([1, []]);
  });
});

describe('a run that fits the window', () => {
  test('is not summarised', async () => {
    const { events, model } = await answer([saying('Done.')], longRun, 100_000);
    expect(typesOf(events)).toEqual(['context', 'output_delta', 'output', 'status']);
    expect(model.requests).toHaveLength(1);
  });

  test('is summarised if the provider finds it too long: half of the window is used then', async () => {
    const overflow = failing(new ModelError('CONTEXT_OVERFLOW', 'Too long.', { retryable: false }));
    const { events, summaries } = await answer(
      [overflow, saying('They looked three times.'), saying('Done.')],
      longRun,
      5000,
    );
    expect(typesOf(events)).toEqual(['context', 'compaction', 'context', 'output_delta', 'output', 'status']);
    expect(summaries).toMatchObject([{ trigger: 'OVERFLOW' }]);
    expect(endOf(events)?.to).toBe('DONE');
  });
});
