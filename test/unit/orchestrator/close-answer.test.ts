import { describe, expect, test } from 'vitest';
import { EVENT_BYTES, INLINE_ANSWER_BYTES, TOOL_INPUT_BYTES } from '../../../src/config/limits.ts';
import type { PayloadOf } from '../../../src/domain/events.ts';
import type { ModelFinish } from '../../../src/models/model.ts';
import { loadRunConfiguration } from '../../../src/orchestrator/run-configuration.ts';
import { createRunExecution } from '../../../src/orchestrator/run-execution.ts';
import { closeAnswer } from '../../../src/orchestrator/step/close-answer.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { context, inProgress, runId } from '../domain/given.ts';
import { createFakeDependencies } from './fake-dependencies.ts';

async function close(text: string, more: Partial<ModelFinish> = {}) {
  const { dependencies: fakes, storeTape } = createFakeDependencies();
  const dependencies = { ...fakes, secretStore: createSecretStore(null) };
  const lease = await storeTape(runId, {}, inProgress, context(1));
  const run = await dependencies.runStore.load(runId);
  const configuration = run && (await loadRunConfiguration(dependencies, run, dependencies.catalogue));
  if (!configuration) throw new Error('The tape begins no run.');
  const { events, rows } = await closeAnswer(
    createRunExecution(dependencies, lease, configuration, { isStopping: () => false, onAsking: () => undefined }),
    {
      model: {
        name: 'scripted',
        provider: 'scripted',
        model: { stream: () => Promise.reject(new Error('not called')) },
        circuit: { state: () => 'closed', admits: () => true },
        fallbacks: [],
        contextTokens: 1000,
        price: null,
        maxOutputTokens: null,
        attachments: [],
        structuredOutput: false,
      },
      finish: { reason: 'stop', calls: [], usage: null, responseId: null, ...more },
      text,
      bytes: Buffer.byteLength(text),
      step: 1,
      estimatedInput: 1,
      result: null,
    },
  );
  const calls = events.slice(1).map(({ payload }) => payload as PayloadOf<'tool_call'>);
  return { payload: events[0]?.payload as PayloadOf<'output'>, calls, rows, actors: events.map(({ actor }) => actor) };
}

describe('the text of an answer', () => {
  const quotes = 2;

  test('is in its event if it fits', async () => {
    const text = 'x'.repeat(INLINE_ANSWER_BYTES - quotes);
    const { payload, rows } = await close(text);
    expect([payload.text === text, payload.storedText, rows]).toEqual([true, null, []]);
  });

  test.each([
    ['without escapes', 'x', INLINE_ANSWER_BYTES - 1],
    ['of control characters', '\u0001', 1024 * 1024],
    ['of lines', 'a line\n', 100_000],
    ['with all escapes at its end', `${'x'.repeat(150_000)}${'\u0001'.repeat(150_000)}`, 1],
    ['with all escapes at its beginning', `${'\u0001'.repeat(30_000)}${'x'.repeat(150_000)}`, 2],
  ])(
    '%s is stored beside the tape if it does not fit, and the event keeps a beginning that does',
    async (_name, part, times) => {
      const text = part.repeat(times);
      const { payload, rows } = await close(text);
      expect(text.startsWith(payload.text)).toBe(true);
      const bytes = Buffer.byteLength(JSON.stringify(payload.text));
      expect(bytes).toBeLessThanOrEqual(INLINE_ANSWER_BYTES);
      expect(bytes).toBeGreaterThan(INLINE_ANSWER_BYTES / 3);
      expect(Buffer.byteLength(JSON.stringify(payload))).toBeLessThan(EVENT_BYTES);
      expect(payload.storedText?.bytes).toBe(Buffer.byteLength(text));
      expect(rows).toMatchObject([{ row: { id: payload.storedText?.id, runId, content: text } }]);
    },
  );
});

describe('what belongs to the text of an answer', () => {
  const calling = (...inputs: string[]) =>
    close('', { calls: inputs.map((text) => ({ callId: 'theirs', tool: 'look', arguments: text })) });

  test('is a refusal, if the model gave one', async () => {
    expect((await close('')).payload.refusal).toBeNull();
    expect((await close('', { refusal: 'I will not.\0' })).payload.refusal).toBe('I will not.\uFFFD');
  });

  test('is the state of the provider, if it fits into the event beside the text', async () => {
    expect((await close('x')).payload.providerState).toBeNull();
    expect((await close('x', { providerState: { b: 1, a: [2] } })).payload.providerState).toEqual({ a: [2], b: 1 });
    // 16 KiB are reserved for the rest of the event.
    const room = EVENT_BYTES - 16 * 1024 - '"x"'.length;
    const state = (bytes: number) => 's'.repeat(bytes - 2);
    expect((await close('x', { providerState: state(room) })).payload.providerState).toHaveLength(room - 2);
    expect((await close('x', { providerState: state(room + 1) })).payload.providerState).toBeNull();
  });

  test('are its calls, with ids of this server, all by the model', async () => {
    const { payload, calls, actors } = await calling('{"b":1,"a":2}', '{}');
    expect(calls).toEqual([
      { step: 1, callId: 'call_1', tool: 'look', input: { a: 2, b: 1 }, inputError: null },
      { step: 1, callId: 'call_2', tool: 'look', input: {}, inputError: null },
    ]);
    expect(payload.toolCalls).toEqual(['call_1', 'call_2']);
    expect(actors).toEqual(['MODEL', 'MODEL', 'MODEL']);
  });

  test('are as many calls as show that there are too many', async () => {
    // The limits of the tests allow 6 calls.
    expect((await calling(...Array<string>(20).fill('{}'))).calls).toHaveLength(7);
  });

  test.each([
    ['null', 'The arguments must be a JSON object.'],
    ['[]', 'The arguments must be a JSON object.'],
    ['"text"', 'The arguments must be a JSON object.'],
    ['{', expect.stringMatching(/^The arguments are not valid JSON: .+/)],
  ])('are the arguments %j as text, with the reason why they are invalid', async (text, inputError) => {
    expect((await calling(text)).calls).toMatchObject([{ input: text, inputError }]);
  });

  test.each([
    ['not JSON', `{"password": hunter2secret9, "token": ghp_${'a1B2'.repeat(9)}}`],
    ['not JSON as a whole', `ghp_${'a1B2'.repeat(9)}`],
    ['too long, and cut within one', `${'x '.repeat(985)}ghp_${'a1B2'.repeat(9)}${' '.repeat(TOOL_INPUT_BYTES)}`],
  ])('are without credentials if the arguments are %s', async (_name, text) => {
    const [call] = (await calling(text)).calls;
    expect(call?.inputError).toMatch(/^The arguments are /);
    expect(JSON.stringify(call)).not.toMatch(/hunter2|ghp_/);
  });

  test('fit in their events, however much longer their credentials become', async () => {
    const fields = Array.from({ length: 7000 }, (_, index) => `pwd=${10_000_000 + index}`);
    const text = JSON.stringify({ text: fields.join(',') });
    expect(Buffer.byteLength(text)).toBeLessThan(TOOL_INPUT_BYTES);
    const [call] = (await calling(text)).calls;
    expect(Buffer.byteLength(JSON.stringify(call))).toBeLessThan(EVENT_BYTES);
    expect(call?.inputError).toContain('placeholders');
  });

  test('are the first characters of arguments that are too long', async () => {
    const fitting = JSON.stringify({ x: 'é'.repeat(TOOL_INPUT_BYTES / 2 - 4) });
    expect(Buffer.byteLength(fitting)).toBe(TOOL_INPUT_BYTES);
    expect((await calling(fitting)).calls[0]?.inputError).toBeNull();
    expect((await calling(`${fitting} `)).calls).toMatchObject([
      { input: fitting.slice(0, 2000), inputError: `The arguments are longer than ${TOOL_INPUT_BYTES} bytes.` },
    ]);
  });
});
