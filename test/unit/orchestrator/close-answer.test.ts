import { describe, expect, test } from 'vitest';
import { EVENT_BYTES, INLINE_ANSWER_BYTES } from '../../../src/config/limits.ts';
import type { PayloadOf } from '../../../src/domain/events.ts';
import { loadRunConfiguration } from '../../../src/orchestrator/run-configuration.ts';
import { createRunExecution } from '../../../src/orchestrator/run-execution.ts';
import { closeAnswer } from '../../../src/orchestrator/step/close-answer.ts';
import { context, inProgress, runId } from '../domain/given.ts';
import { createFakeDependencies } from './fake-dependencies.ts';

async function close(text: string) {
  const { dependencies, storeTape } = createFakeDependencies();
  const lease = await storeTape(runId, {}, inProgress, context(1));
  const run = await dependencies.runStore.load(runId);
  const configuration = run && (await loadRunConfiguration(dependencies, run, dependencies.catalogue));
  if (!configuration) throw new Error('The tape begins no run.');
  const { events, rows } = closeAnswer(
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
      finish: { reason: 'stop', calls: [], usage: null, responseId: null },
      text,
      bytes: Buffer.byteLength(text),
      step: 1,
      estimatedInput: 1,
      result: null,
    },
  );
  return { payload: events[0]?.payload as PayloadOf<'output'>, rows };
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
