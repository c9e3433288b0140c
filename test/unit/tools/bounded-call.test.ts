import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TOOL_OUTPUT_BYTES } from '../../../src/config/limits.ts';
import { cutToJsonBytes, runTool } from '../../../src/tools/bounded-call.ts';
import type { Tool, ToolContext } from '../../../src/tools/tool.ts';
import { createFakeClock } from '../fake-clock.ts';

const never = new Promise<never>(() => {});

/** `unknown`, because the tools at fault here do not keep to their type. */
function toolThat(execute: (context: ToolContext) => unknown): Tool {
  return {
    name: 'test_tool',
    description: 'For tests.',
    inputSchema: { type: 'object' },
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 10,
    source: 'builtin',
    prepare: (input) => ({ ok: true, input }),
    execute: (_, context) => execute(context) as ReturnType<Tool['execute']>,
  };
}

function begin(
  execute: (context: ToolContext) => unknown,
  { outputBytes = TOOL_OUTPUT_BYTES, clock = createFakeClock() } = {},
) {
  const outer = new AbortController();
  const context = { signal: outer.signal, idempotencyKey: 'key', session: { id: 'session_1', owner: 'ada' } };
  const outcome = runTool(toolThat(execute), {}, context, { clock, outputBytes });
  return { clock, outer, outcome };
}

const run = (execute: (context: ToolContext) => unknown, outputBytes?: number) =>
  begin(execute, { outputBytes }).outcome;

describe('results', () => {
  test('a result is handed on with its duration, and the timer is stopped', async () => {
    const clock = createFakeClock();
    const execute = async ({ idempotencyKey, session }: ToolContext) => {
      await clock.sleep(1234);
      return { idempotencyKey, session };
    };
    const { outcome } = begin(execute, { clock });
    await clock.advance(1234);
    expect(await outcome).toEqual({
      ok: true,
      output: { idempotencyKey: 'key', session: { id: 'session_1', owner: 'ada' } },
      truncated: false,
      durationMilliseconds: 1234,
    });
    expect(clock.pending()).toBe(0);
  });

  test.each([null, '', 0, false, [], {}])('%j is a result', async (value) => {
    expect(await run(() => value)).toMatchObject({ ok: true, output: value });
  });

  test('NUL and lone surrogates are removed wherever they are', async () => {
    const outcome = await run(() => ({
      'k\0ey\ud800': ['a\0b', { deep: '\ude00\ud83d x \u{1f600}' }],
      '\\u0000': '\\ud800\\',
    }));
    expect(outcome).toMatchObject({
      output: { 'k\ufffdey\ufffd': ['a\ufffdb', { deep: '\ufffd\ufffd x \u{1f600}' }], '\\u0000': '\\ud800\\' },
    });
  });

  test('dates and the like become their JSON', async () => {
    expect(await run(() => ({ at: new Date(0), gone: undefined, odd: Number.NaN }))).toMatchObject({
      output: { at: '1970-01-01T00:00:00.000Z', odd: null },
    });
  });
});

describe('a tool that hangs', () => {
  test('B44: is stopped at its time-out, even where it ignores its signal', async () => {
    const { clock, outcome } = begin(() => never);
    await clock.advance(10_000);
    expect(await outcome).toEqual({
      ok: false,
      error: 'The tool did not finish within 10 seconds and was stopped.',
      durationMilliseconds: 10_000,
    });
    expect(clock.pending()).toBe(0);
  });

  test('B44: is told by its signal, and what it makes of it does not count', async () => {
    let told: unknown;
    const { clock, outcome } = begin(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            told = signal.reason;
            resolve('half a result');
          });
        }),
    );
    await clock.advance(9_999);
    expect(told).toBeUndefined();
    await clock.advance(1);
    expect(await outcome).toMatchObject({ ok: false, error: expect.stringContaining('10 seconds') });
    expect(told).toBeInstanceOf(Error);
  });

  test('B44: may fail afterwards without anybody being surprised', async () => {
    const surprises: unknown[] = [];
    const note = (reason: unknown) => surprises.push(reason);
    process.on('unhandledRejection', note);
    try {
      let fail = (_: Error) => {};
      const { clock, outcome } = begin(
        () =>
          new Promise((_, reject) => {
            fail = reject;
          }),
      );
      await clock.advance(10_000);
      await outcome;
      fail(new Error('too late'));
      await setImmediate();
      await setImmediate();
      expect(surprises).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('a tool that throws', () => {
  const hostile = {
    get message(): string {
      throw new Error('again');
    },
  };
  test.each<[string, unknown, string]>([
    ['an error', new Error('The disk is full.'), 'The disk is full.'],
    ['an error without words', new TypeError(), 'TypeError'],
    ['several errors', new AggregateError([new Error('one'), 'two']), 'one; two'],
    ['a string', 'no', 'no'],
    ['an object', { code: 7 }, '{"code":7}'],
    ['a number', 7, '7'],
    ['a symbol', Symbol('odd'), 'Symbol(odd)'],
    ['undefined', undefined, 'The tool failed without saying why.'],
    ['null', null, 'The tool failed without saying why.'],
    ['what throws again', hostile, 'The tool failed without saying why.'],
    ['what is no text', Object.create(null, { toString: { value: 1 } }), '{}'],
    ['NUL and half a character', new Error('a\0b\ud83d'), 'a\ufffdb\ufffd'],
  ])('B44: %s becomes an error text', async (_, thrown, error) => {
    const atOnce = run(() => {
      throw thrown;
    });
    expect(await atOnce).toEqual({ ok: false, error, durationMilliseconds: 0 });
    expect(await run(() => Promise.reject(thrown))).toMatchObject({ ok: false, error });
  });

  test('B44: has 2,000 characters for it, and no half ones', async () => {
    const outcome = await run(() => Promise.reject(new Error(`${'x'.repeat(1999)}\u{1f600}more`)));
    expect(outcome).toMatchObject({ ok: false, error: 'x'.repeat(1999) });
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  let bottomless: unknown = 0;
  for (let level = 0; level < 100_000; level += 1) bottomless = [bottomless];
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('odd')],
    ['a big integer', { count: 1n }],
    ['a circle', circular],
    ['a bottomless list', bottomless],
  ])('B44: %s as a result is an error', async (_, value) => {
    expect(await run(() => value)).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^The tool('s result is not JSON| returned nothing)/),
    });
  });
});

describe('a tool that floods', () => {
  const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

  test.each<[string, string]>([
    ['letters', 'x'],
    ['two bytes', 'é'],
    ['three bytes', '€'],
    ['pairs', '\u{1f600}'],
    ['quotes', '"\\'],
    ['line ends', '\n\t'],
    ['control characters', '\u0001\u001f'],
    ['a mixture', 'aé€\u{1f600}"\n\u0001'],
  ])('B44: a string of %s is cut at its bound, at a character', async (_, unit) => {
    for (const bytes of [100, 101, 102, 103, 104, 105, 106, 107]) {
      const flood = unit.repeat(200);
      const outcome = await run(() => flood, bytes);
      if (!outcome.ok || typeof outcome.output !== 'string') throw new Error('not a string');
      expect(outcome.truncated).toBe(true);
      expect(flood.startsWith(outcome.output)).toBe(true);
      expect(outcome.output.isWellFormed()).toBe(true);
      expect(jsonBytes(outcome.output)).toBeLessThanOrEqual(bytes);
      // The next character would have been too much.
      const next = [...flood.slice(outcome.output.length)][0];
      expect(jsonBytes(outcome.output + next)).toBeGreaterThan(bytes);
    }
  });

  test('B44: what just fits is left alone', async () => {
    expect(await run(() => 'x'.repeat(98), 100)).toMatchObject({ output: 'x'.repeat(98), truncated: false });
    expect(await run(() => 'x'.repeat(99), 100)).toMatchObject({ output: 'x'.repeat(98), truncated: true });
    expect(cutToJsonBytes('abc', 5)).toBe('abc');
    expect(cutToJsonBytes('abc', 0)).toBe('');
  });

  test('B44: another value becomes the beginning of its JSON text', async () => {
    const outcome = await run(() => ({ rows: Array.from({ length: 1000 }, () => 'row') }), 100);
    if (!outcome.ok || typeof outcome.output !== 'string') throw new Error('not a string');
    expect(outcome).toMatchObject({ truncated: true, output: expect.stringMatching(/^\{"rows":\["row","row",/) });
    expect(jsonBytes(outcome.output)).toBeLessThanOrEqual(100);
  });

  test('B44: 50 megabytes come down to one', async () => {
    const outcome = await run(() => 'flood\n'.repeat(8_000_000));
    if (!outcome.ok) throw new Error(outcome.error);
    expect(outcome.truncated).toBe(true);
    expect(jsonBytes(outcome.output)).toBe(TOOL_OUTPUT_BYTES);
  });

  test('B44: what is nested too deeply for its readers becomes its JSON text, whole', async () => {
    const text = `${'['.repeat(1000)}${']'.repeat(1000)}`;
    expect(await run(() => JSON.parse(text))).toMatchObject({ ok: true, output: text, truncated: false });
    const shallow = JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`);
    expect(await run(() => shallow)).toMatchObject({ ok: true, output: shallow });
  });
});

describe('a call that is no longer wanted', () => {
  test('B44: rejects with the reason of the outer signal, and tells the tool', async () => {
    let told: unknown;
    const { clock, outer, outcome } = begin(({ signal }) => {
      signal.addEventListener('abort', () => {
        told = signal.reason;
      });
      return never;
    });
    const reason = new Error('cancelled');
    outer.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    expect(told).toBe(reason);
    expect(clock.pending()).toBe(0);
  });

  test('B44: is not begun where the signal has aborted already', async () => {
    let begun = false;
    const clock = createFakeClock();
    const context = { signal: AbortSignal.abort('gone'), idempotencyKey: 'key', session: { id: 's', owner: 'ada' } };
    const tool = toolThat(() => {
      begun = true;
    });
    await expect(runTool(tool, {}, context, { clock, outputBytes: 100 })).rejects.toBe('gone');
    expect(begun).toBe(false);
    expect(clock.pending()).toBe(0);
  });

  test('B44: keeps a result that was there before the signal aborted', async () => {
    const { outer, outcome } = begin(() => 'done');
    await setImmediate();
    outer.abort(new Error('cancelled'));
    expect(await outcome).toMatchObject({ ok: true, output: 'done' });
  });
});
