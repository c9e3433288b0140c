import { describe, expect, test } from 'vitest';
import { MODEL_STEP_ATTEMPTS } from '../../../src/config/limits.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import type { AttachmentRef, RunErrorCode } from '../../../src/domain/events.ts';
import type { CatalogueEntry } from '../../../src/models/catalogue.ts';
import { type Circuit, openCircuitError } from '../../../src/models/circuit.ts';
import { ModelError } from '../../../src/models/model.ts';
import { context, inProgress, input, interruptedAnswer, origin, status } from '../domain/given.ts';
import { endOf, executed, openRun, typesOf } from './executed-run.ts';
import { failing, fakeModel, saying } from './fake-model.ts';

const openCircuit: Circuit = { state: () => 'open', admits: () => false };
const failure = (code: RunErrorCode, more: { retryable?: boolean; isForFallback?: boolean } = {}) =>
  new ModelError(code, `Failed with ${code}.`, { retryable: false, ...more });
const unavailable = failure('MODEL_UNAVAILABLE', { retryable: true });

/** A model whose call fails at once, with `second` as its fallback. */
const failingFirst = (error: unknown, more: Partial<CatalogueEntry> = {}) =>
  fakeModel('first', [failing(error)], { fallbacks: ['second'], ...more });

const shownModels = (events: Awaited<ReturnType<typeof executed>>) =>
  events.flatMap((event) => (event.type === 'context' ? [event.payload.model] : []));

describe('the models of a step', () => {
  test('the configured model answers, and its fallback is not called', async () => {
    const [first, second] = [
      fakeModel('first', [saying('Hello.')], { fallbacks: ['second'] }),
      fakeModel('second', [saying('Bye.')]),
    ];
    const events = await executed({ models: [first, second] });
    expect(typesOf(events)).toEqual(['context', 'output_delta', 'output', 'status']);
    expect(endOf(events)).toEqual({ to: 'DONE', error: null });
    expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
  });

  test('the model that the message names takes the place of the default', async () => {
    const [first, second] = [fakeModel('first', [saying('no')]), fakeModel('second', [saying('yes')])];
    const message = input('hello');
    if (message.type !== 'input') throw new Error('It is no message.');
    const named = { ...message, payload: { ...message.payload, origin: { ...origin, model: 'second' } } };
    const given = [named, status(null, 'PENDING'), status('PENDING', 'IN_PROGRESS', { turn: 1 })];
    expect(shownModels(await executed({ models: [first, second], given }))).toEqual(['second']);
  });

  test('a fallback takes over after a failure that is for fallbacks', async () => {
    const second = fakeModel('second', [saying('Here.')]);
    const events = await executed({ models: [failingFirst(unavailable), second] });
    expect(shownModels(events)).toEqual(['first', 'second']);
    expect(endOf(events)?.to).toBe('DONE');
  });

  test('no fallback takes over if a person has to change something', async () => {
    const second = fakeModel('second', [saying('Here.')]);
    const events = await executed({ models: [failingFirst(failure('MODEL_REFUSED')), second] });
    expect(endOf(events)).toEqual({
      to: 'FAILED',
      error: { code: 'MODEL_REFUSED', message: 'Failed with MODEL_REFUSED.', retryable: false },
    });
    expect(second.requests).toEqual([]);
  });

  test('the run fails with the last failure if all models fail', async () => {
    const second = fakeModel('second', [failing(failure('MODEL_UNAVAILABLE', { retryable: false }))]);
    const events = await executed({ models: [failingFirst(unavailable), second] });
    expect(endOf(events)?.error).toEqual({
      code: 'MODEL_UNAVAILABLE',
      message: 'Failed with MODEL_UNAVAILABLE.',
      retryable: false,
    });
  });

  test('a model whose circuit is open is not called', async () => {
    const first = failingFirst(unavailable, { circuit: openCircuit });
    const second = fakeModel('second', [saying('Here.')]);
    expect(endOf(await executed({ models: [first, second] }))?.to).toBe('DONE');
    expect(first.requests).toEqual([]);
  });

  test('the run fails with the open circuit of the configured model if no other may be called', async () => {
    const models = [failingFirst(unavailable, { circuit: openCircuit, fallbacks: ['absent'] })];
    const { code, message, retryable } = openCircuitError('first');
    expect(endOf(await executed({ models }))?.error).toEqual({ code, message, retryable });
  });

  test('the run fails if its model is not configured', async () => {
    expect(endOf(await executed({ models: [] }))?.error).toEqual({
      code: 'MODEL_UNAVAILABLE',
      message: 'The model "scripted" is not configured.',
      retryable: false,
    });
  });
});

describe('attachments of the run', () => {
  const file: AttachmentRef = { id: 'att_1', name: 'cat.png', mediaType: 'image/png', bytes: 3, sha256: 'a' };
  const message = input('look');
  if (message.type !== 'input') throw new Error('It is no message.');
  const given = [
    { ...message, payload: { ...message.payload, attachments: [file] } },
    status(null, 'PENDING'),
    status('PENDING', 'IN_PROGRESS', { turn: 1 }),
  ];
  const blobs = { read: async () => null } as never;

  test('fail the run if the configured model cannot read one of them', async () => {
    const first = fakeModel('first', [saying('no')], { attachments: ['pdf'] });
    expect(endOf(await executed({ models: [first], given, parts: { blobs } }))?.error).toEqual({
      code: 'MODEL_REFUSED',
      message: 'The model "first" cannot read "cat.png", which is image/png.',
      retryable: false,
    });
    expect(first.requests).toEqual([]);
  });

  test('that cannot be read from the store fail the run, and the log has the reason', async () => {
    const logged: unknown[] = [];
    const logger = { error: (details: unknown) => void logged.push(details), warn: () => undefined } as never;
    const first = fakeModel('first', [saying('no')], { attachments: ['image'], fallbacks: ['second'] });
    const second = fakeModel('second', [saying('no')], { attachments: ['image'] });
    const events = await executed({ models: [first, second], given, parts: { blobs, logger } });
    expect(endOf(events)?.error).toEqual({
      code: 'INTERNAL',
      message: 'An attachment could not be read from the store. The log of the server has the details.',
      retryable: true,
    });
    expect([first.requests, second.requests]).toEqual([[], []]);
    expect(logged).toMatchObject([{ err: expect.any(Error), runId: 'run_1' }]);
  });

  test('leave the run to another server while the store is away', async () => {
    const away = new StoreError('unavailable', 'away');
    const run = await openRun({ models: [fakeModel('first', [saying('no')], { attachments: ['image'] })], given });
    const { query } = run.dependencies.database;
    run.dependencies.database.query = (async (statement: { sqlite: string }, ...parameters: never[]) => {
      if (statement.sqlite.includes('"Attachment"')) throw away;
      return query(statement as never, ...parameters);
    }) as typeof query;
    await expect(run.execute()).rejects.toBe(away);
    expect(await run.recorded()).toEqual([]);
  });
});

describe('an answer that breaks off', () => {
  const broken = (more: { retryable: boolean }) => failing(failure('MODEL_UNAVAILABLE', more), 'So far');

  test('is recorded, and the step starts again with the same model', async () => {
    const first = fakeModel('first', [broken({ retryable: true }), saying('All of it.')], { fallbacks: ['second'] });
    const second = fakeModel('second', [saying('no')]);
    const events = await executed({ models: [first, second] });
    expect(typesOf(events)).toEqual([
      'context',
      'output_delta',
      'resumption',
      'context',
      'output_delta',
      'output',
      'status',
    ]);
    expect(events[2]?.payload).toEqual({
      attempt: 1,
      step: 1,
      epoch: 2,
      lost: false,
      alone: false,
      brokeOff: true,
      reason: 'The answer broke off, and the step starts again. Failed with MODEL_UNAVAILABLE.',
    });
    expect(second.requests).toEqual([]);
  });

  test('fails the run if another try would break off too', async () => {
    const events = await executed({ models: [fakeModel('first', [broken({ retryable: false })])] });
    expect(endOf(events)?.error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false });
    expect(typesOf(events)).toEqual(['context', 'output_delta', 'status']);
  });

  test('fails the run at the last attempt of the step', async () => {
    const events = await executed({ models: [fakeModel('first', [broken({ retryable: true })])] });
    expect(typesOf(events).filter((type) => type === 'context')).toHaveLength(MODEL_STEP_ATTEMPTS);
    expect(endOf(events)?.to).toBe('FAILED');
  });

  test('counts the attempts of earlier executors', async () => {
    const attempts = Array.from({ length: MODEL_STEP_ATTEMPTS - 1 }, (_, index) => [
      context(1, 'first'),
      interruptedAnswer(1, index + 1),
    ]);
    const events = await executed({
      models: [fakeModel('first', [broken({ retryable: true })])],
      given: [inProgress, attempts],
    });
    expect(typesOf(events).filter((type) => type === 'context')).toHaveLength(1);
    expect(endOf(events)?.to).toBe('FAILED');
  });
});

describe('a context that the provider finds too long', () => {
  const overflow = failure('CONTEXT_OVERFLOW');

  test('is sent once more with half of the window', async () => {
    const first = fakeModel('first', [failing(overflow), saying('Fits.')]);
    expect(endOf(await executed({ models: [first] }))?.to).toBe('DONE');
    expect(first.requests).toHaveLength(2);
  });

  test('fails the run if half is too long as well', async () => {
    const first = fakeModel('first', [failing(overflow)]);
    expect(endOf(await executed({ models: [first] }))?.error?.code).toBe('CONTEXT_OVERFLOW');
    expect(first.requests).toHaveLength(2);
  });

  test('is not sent again after output', async () => {
    const first = fakeModel('first', [failing(overflow, 'So far'), saying('no')]);
    expect(endOf(await executed({ models: [first] }))?.error?.code).toBe('CONTEXT_OVERFLOW');
    expect(first.requests).toHaveLength(1);
  });
});
