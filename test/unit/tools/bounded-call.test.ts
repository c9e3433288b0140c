import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TOOL_OUTPUT_BYTES } from '../../../src/config/limits.ts';
import { cutToJsonBytes, runTool } from '../../../src/tools/bounded-call.ts';
import type { Tool, ToolContext } from '../../../src/tools/tool.ts';
import { createFakeClock } from '../fake-clock.ts';

const never = new Promise<never>(() => {});

/** Returns `unknown`, because the faulty tools of these tests violate their type. */
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

function startCall(
  execute: (context: ToolContext) => unknown,
  { outputBytes = TOOL_OUTPUT_BYTES, clock = createFakeClock() } = {},
) {
  const caller = new AbortController();
  const context = { signal: caller.signal, idempotencyKey: 'key', session: { id: 'session_1', owner: 'ada' } };
  const outcome = runTool(toolThat(execute), {}, context, { clock, outputBytes });
  return { clock, caller, outcome };
}

const run = (execute: (context: ToolContext) => unknown, outputBytes?: number) =>
  startCall(execute, { outputBytes }).outcome;

describe('results', () => {
  test('a result is returned with its duration, and the timer is stopped', async () => {
    const clock = createFakeClock();
    const execute = async ({ idempotencyKey, session }: ToolContext) => {
      await clock.sleep(1234);
      return { idempotencyKey, session };
    };
    const { outcome } = startCall(execute, { clock });
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

  test('NUL and unpaired surrogates are replaced everywhere', async () => {
    const outcome = await run(() => ({
      'k\0ey\ud800': ['a\0b', { deep: '\ude00\ud83d x \u{1f600}' }],
      '\\u0000': '\\ud800\\',
    }));
    expect(outcome).toMatchObject({
      output: { 'k\ufffdey\ufffd': ['a\ufffdb', { deep: '\ufffd\ufffd x \u{1f600}' }], '\\u0000': '\\ud800\\' },
    });
  });

  test('dates and other objects become their JSON', async () => {
    expect(await run(() => ({ at: new Date(0), gone: undefined, odd: Number.NaN }))).toMatchObject({
      output: { at: '1970-01-01T00:00:00.000Z', odd: null },
    });
  });
});

describe('a tool that hangs', () => {
  test('B44: is stopped at its timeout, even if it ignores its signal', async () => {
    const { clock, outcome } = startCall(() => never);
    await clock.advance(10_000);
    expect(await outcome).toEqual({
      ok: false,
      error: 'The tool did not finish within 10 seconds and was stopped.',
      durationMilliseconds: 10_000,
    });
    expect(clock.pending()).toBe(0);
  });

  test('B44: sees its signal abort, and its result afterwards is ignored', async () => {
    let abortReason: unknown;
    const { clock, outcome } = startCall(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            abortReason = signal.reason;
            resolve('half a result');
          });
        }),
    );
    await clock.advance(9_999);
    expect(abortReason).toBeUndefined();
    await clock.advance(1);
    expect(await outcome).toMatchObject({ ok: false, error: expect.stringContaining('10 seconds') });
    expect(abortReason).toBeInstanceOf(Error);
  });

  test('B44: causes no unhandled rejection if it fails afterwards', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    try {
      let fail = (_: Error) => {};
      const { clock, outcome } = startCall(
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
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });
});

describe('a tool that throws', () => {
  const throwingError = {
    get message(): string {
      throw new Error('again');
    },
  };
  test.each<[string, unknown, string]>([
    ['an error', new Error('The disk is full.'), 'The disk is full.'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['several errors', new AggregateError([new Error('one'), 'two']), 'one; two'],
    ['a string', 'no', 'no'],
    ['an object', { code: 7 }, '{"code":7}'],
    ['a number', 7, '7'],
    ['a symbol', Symbol('odd'), 'Symbol(odd)'],
    ['undefined', undefined, 'The tool failed without a message.'],
    ['null', null, 'The tool failed without a message.'],
    ['an error whose message throws', throwingError, 'The tool failed without a message.'],
    ['an object without a usable toString', Object.create(null, { toString: { value: 1 } }), '{}'],
    ['NUL and an unpaired surrogate', new Error('a\0b\ud83d'), 'a\ufffdb\ufffd'],
  ])('B44: %s becomes an error message', async (_, thrown, error) => {
    const synchronous = run(() => {
      throw thrown;
    });
    expect(await synchronous).toEqual({ ok: false, error, durationMilliseconds: 0 });
    expect(await run(() => Promise.reject(thrown))).toMatchObject({ ok: false, error });
  });

  test('B44: an error message has at most 2,000 characters, without an unpaired surrogate', async () => {
    const outcome = await run(() => Promise.reject(new Error(`${'x'.repeat(1999)}\u{1f600}more`)));
    expect(outcome).toMatchObject({ ok: false, error: 'x'.repeat(1999) });
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  let deep: unknown = 0;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('odd')],
    ['a big integer', { count: 1n }],
    ['a circular object', circular],
    ['a deeply nested array', deep],
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
    ['surrogate pairs', '\u{1f600}'],
    ['quotes', '"\\'],
    ['line breaks', '\n\t'],
    ['control characters', '\u0001\u001f'],
    ['a mixture', 'aé€\u{1f600}"\n\u0001'],
  ])('B44: a string of %s is cut at the limit, between characters', async (_, unit) => {
    for (const bytes of [100, 101, 102, 103, 104, 105, 106, 107]) {
      const flood = unit.repeat(200);
      const outcome = await run(() => flood, bytes);
      if (!outcome.ok || typeof outcome.output !== 'string') throw new Error('not a string');
      expect(outcome.truncated).toBe(true);
      expect(flood.startsWith(outcome.output)).toBe(true);
      expect(outcome.output.isWellFormed()).toBe(true);
      expect(jsonBytes(outcome.output)).toBeLessThanOrEqual(bytes);
      // One more character would exceed the limit.
      const next = [...flood.slice(outcome.output.length)][0];
      expect(jsonBytes(outcome.output + next)).toBeGreaterThan(bytes);
    }
  });

  test('B44: an output exactly at the limit is not cut', async () => {
    expect(await run(() => 'x'.repeat(98), 100)).toMatchObject({ output: 'x'.repeat(98), truncated: false });
    expect(await run(() => 'x'.repeat(99), 100)).toMatchObject({ output: 'x'.repeat(98), truncated: true });
    expect(cutToJsonBytes('abc', 5)).toBe('abc');
    expect(cutToJsonBytes('abc', 0)).toBe('');
  });

  test('B44: a value that is not a string is cut to the beginning of its JSON text', async () => {
    const outcome = await run(() => ({ rows: Array.from({ length: 1000 }, () => 'row') }), 100);
    if (!outcome.ok || typeof outcome.output !== 'string') throw new Error('not a string');
    expect(outcome).toMatchObject({ truncated: true, output: expect.stringMatching(/^\{"rows":\["row","row",/) });
    expect(jsonBytes(outcome.output)).toBeLessThanOrEqual(100);
  });

  test('B44: 48 MB are cut to the limit', async () => {
    const outcome = await run(() => 'flood\n'.repeat(8_000_000));
    if (!outcome.ok) throw new Error(outcome.error);
    expect(outcome.truncated).toBe(true);
    expect(jsonBytes(outcome.output)).toBe(TOOL_OUTPUT_BYTES);
  });

  test('B44: a value that is nested too deeply becomes its whole JSON text', async () => {
    const text = `${'['.repeat(1000)}${']'.repeat(1000)}`;
    expect(await run(() => JSON.parse(text))).toMatchObject({ ok: true, output: text, truncated: false });
    const shallow = JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`);
    expect(await run(() => shallow)).toMatchObject({ ok: true, output: shallow });
  });
});

describe('a call that is aborted', () => {
  test("B44: rejects with the reason of the caller's signal, and aborts the signal of the tool", async () => {
    let abortReason: unknown;
    const { clock, caller, outcome } = startCall(({ signal }) => {
      signal.addEventListener('abort', () => {
        abortReason = signal.reason;
      });
      return never;
    });
    const reason = new Error('cancelled');
    caller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    expect(abortReason).toBe(reason);
    expect(clock.pending()).toBe(0);
  });

  test('B44: is not started if the signal has already aborted', async () => {
    let isStarted = false;
    const clock = createFakeClock();
    const context = { signal: AbortSignal.abort('gone'), idempotencyKey: 'key', session: { id: 's', owner: 'ada' } };
    const tool = toolThat(() => {
      isStarted = true;
    });
    await expect(runTool(tool, {}, context, { clock, outputBytes: 100 })).rejects.toBe('gone');
    expect(isStarted).toBe(false);
    expect(clock.pending()).toBe(0);
  });

  test('B44: keeps a result that was returned before the signal aborted', async () => {
    const { caller, outcome } = startCall(() => 'done');
    await setImmediate();
    caller.abort(new Error('cancelled'));
    expect(await outcome).toMatchObject({ ok: true, output: 'done' });
  });
});

test('time that a tool spends outside of its timeout, or with a question to a person, does not count', async () => {
  const clock = createFakeClock();
  const call = async ({ untimed }: ToolContext) => {
    await Promise.all([untimed?.(() => clock.sleep(60_000)), untimed?.(() => clock.sleep(20_000))]);
    return clock.sleep(9000).then(() => 'in time');
  };
  const { outcome } = startCall(call, { clock });
  await clock.advance(60_000);
  await clock.advance(9000);
  expect(await outcome).toMatchObject({ ok: true, output: 'in time', durationMilliseconds: 69_000 });
  expect(clock.pending()).toBe(0);
  const callTooLong = async ({ untimed }: ToolContext) => {
    await clock.sleep(6000);
    await untimed?.(() => clock.sleep(60_000));
    return never;
  };
  const late = startCall(callTooLong, { clock });
  await clock.advance(66_000);
  await clock.advance(3999);
  expect(clock.pending()).toBe(1);
  await clock.advance(1);
  expect(await late.outcome).toMatchObject({ ok: false, error: expect.stringContaining('within 10 seconds') });
});
