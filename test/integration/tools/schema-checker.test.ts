import { afterEach, describe, expect, test } from 'vitest';
import { type Clock, processorMilliseconds, systemClock } from '../../../src/clock.ts';
import { createSchemaChecker } from '../../../src/tools/json-schema/schema-checker.ts';
import { turnsUntil } from '../../turns.ts';

/** Enough for a busy machine. */
const checker = createSchemaChecker(systemClock, { compileMilliseconds: 30_000, checkMilliseconds: 1000 });
afterEach(() => checker.close());

/** Refers 2^40 times to its last definition. */
const slowSchema = {
  $defs: Object.fromEntries(
    Array.from({ length: 41 }, (_, level) => {
      const next = { $ref: `#/$defs/s${level + 1}` };
      return [`s${level}`, level === 40 ? { type: 'string' } : { properties: { a: next }, allOf: [next, next] }];
    }),
  ),
  $ref: '#/$defs/s0',
};

describe('B35: a schema of another party', () => {
  test('is checked', async () => {
    const check = await checker.forParty()({ type: 'object', required: ['a'] }, 'input');
    expect(await check({ a: 1 })).toBeNull();
    expect(await check({})).toBe("input must have required property 'a'");
    expect(await check(null)).toBe('input must be object');
  });

  test('is refused if it is invalid', async () => {
    await expect(checker.forParty()({ type: 'text' }, 'input')).rejects.toThrow('type must be');
  });

  test('does not hold the event loop, and none of its party is used after two timeouts', async () => {
    const compile = checker.forParty();
    const [check, otherCheck] = [await compile(slowSchema, 'input'), await compile({ type: 'string' }, 'input')];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await otherCheck('x')).toBeNull();
      const checked = check('x');
      // A blocked loop would have a few.
      expect(await turnsUntil(checked)).toBeGreaterThan(100);
      expect(await checked).toBe('input could not be checked within 1000 ms');
    }
    expect(await otherCheck('x')).toBe('input cannot be checked: the schemas of its author take too long');
    await expect(compile({ type: 'string' }, 'input')).rejects.toThrow('It is not compiled');
    const checkOfAnother = await checker.forParty()({ type: 'string' }, 'input');
    expect(await checkOfAnother(1)).toBe('input must be string');
  });

  test('that is slow again and again, and always within its time, is not used any more', async () => {
    const levels = 16;
    const slow = {
      $defs: Object.fromEntries(
        Array.from({ length: levels + 1 }, (_, level) => {
          const next = { $ref: `#/$defs/s${level + 1}` };
          return [`s${level}`, level === levels ? { type: 'string' } : { allOf: [next, next] }];
        }),
      ),
      $ref: '#/$defs/s0',
    };
    const measured = await checker.forParty()(slow, 'input');
    // The shortest of several: other work of the process counts as well.
    const durations: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const before = processorMilliseconds();
      await measured('x');
      durations.push(processorMilliseconds() - before);
    }
    const checkMilliseconds = 2 * Math.min(...durations);
    const other = createSchemaChecker(systemClock, { compileMilliseconds: 30_000, checkMilliseconds });
    try {
      const check = await other.forParty()(slow, 'input');
      const outcomes: (string | null)[] = [];
      for (let attempt = 0; attempt < 20; attempt += 1) outcomes.push(await check('x'));
      expect(outcomes.at(-1)).toBe('input cannot be checked: the schemas of its author take too long');
    } finally {
      await other.close();
    }
  });

  test('of a principal counts with all of its schemas, also while they wait', async () => {
    const attempts = Array.from({ length: 5 }, async () =>
      (await checker.forParty('mallory')(slowSchema, 'answer'))('x'),
    );
    const [first, second, ...others] = await Promise.all(attempts);
    expect([first, second]).toEqual(Array(2).fill('answer could not be checked within 1000 ms'));
    expect(others).toEqual(Array(3).fill('answer cannot be checked: the schemas of its author take too long'));
    expect(await checker.problemOf({ type: 'string' }, 'mallory')).toBe('the schemas of its author take too long');
    expect(await checker.problemOf({ type: 'string' }, 'ada')).toBeNull();
  });

  test('is not too slow because the process was frozen while it was checked', async () => {
    let isFrozen = true;
    const clock: Pick<Clock, 'sleep'> = {
      async sleep(milliseconds, signal) {
        if (!isFrozen) return systemClock.sleep(milliseconds, signal);
        // As after SIGCONT: the timer has expired, and the thread has done nothing yet.
        isFrozen = false;
      },
    };
    const frozen = createSchemaChecker(clock, { compileMilliseconds: 30_000, checkMilliseconds: 30_000 });
    try {
      const check = await frozen.forParty()({ type: 'string' }, 'input');
      isFrozen = true;
      expect(await check(1)).toBe('input must be string');
    } finally {
      await frozen.close();
    }
  });

  test('does not keep a check that waits behind a slow one from its answer', async () => {
    const slow = await checker.forParty()(slowSchema, 'input');
    const quick = await checker.forParty()({ type: 'string' }, 'input');
    expect(await Promise.all([slow('x'), quick(1)])).toEqual([
      'input could not be checked within 1000 ms',
      'input must be string',
    ]);
  });
});
