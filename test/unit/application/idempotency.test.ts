import { describe, expect, test } from 'vitest';
import {
  type EarlierResult,
  findEarlierResult,
  type IdempotentMutation,
  idempotencyRows,
  performOnce,
} from '../../../src/application/idempotency.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import type { IdempotencyKeyRow } from '../../../src/repositories/idempotency-keys.ts';

const viewer = { principal: 'ada' };
const result = { resultId: 'run_1', sessionId: 'ses_1', seq: 1 };
const mutation = (input: IdempotentMutation['input']): IdempotentMutation => ({ name: 'sendMessage', input });

/** A database with these keys. */
function contextOf(...keys: IdempotencyKeyRow[]) {
  const asked: unknown[] = [];
  const findUnique = async ({ where }: { where: { principal_mutation_key: { key: string } } }) => {
    asked.push(where.principal_mutation_key);
    return keys.find(({ key }) => key === where.principal_mutation_key.key) ?? null;
  };
  const context = { database: { reader: { idempotencyKey: { findUnique } } }, now: () => 1000 } as never;
  return { context, asked, keys };
}

/** The row of a mutation. */
function rowOf(input: IdempotentMutation['input']): IdempotencyKeyRow {
  const [write] = idempotencyRows(contextOf().context, viewer, mutation(input), result);
  return write?.row as unknown as IdempotencyKeyRow;
}

describe('the key of a mutation', () => {
  test('is stored with the result and a digest of the input', () => {
    expect(rowOf({ idempotencyKey: 'k', text: 'Hello' })).toEqual({
      principal: 'ada',
      mutation: 'sendMessage',
      key: 'k',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      ...result,
      createdAt: '1970-01-01T00:00:01.000+00:00',
    });
  });

  test('is none without one', async () => {
    const { context, asked } = contextOf();
    for (const idempotencyKey of [null, undefined]) {
      expect(idempotencyRows(context, viewer, mutation({ idempotencyKey }), result)).toEqual([]);
      expect(await findEarlierResult(context, viewer, mutation({ idempotencyKey }))).toBeNull();
    }
    expect(asked).toEqual([]);
  });

  test('has the same digest for the same input, whatever the order of its fields, and whether one is null or absent', () => {
    const { digest } = rowOf({ idempotencyKey: 'k', a: 1, b: { c: 2, d: 3 } });
    expect(rowOf({ idempotencyKey: 'other', b: { d: 3, c: 2 }, a: 1, e: null, f: undefined }).digest).toBe(digest);
    expect(rowOf({ idempotencyKey: 'k', a: 2, b: { c: 2, d: 3 } }).digest).not.toBe(digest);
    expect(rowOf({ idempotencyKey: 'k', a: 1 }).digest).not.toBe(digest);
  });
});

describe('a mutation that is repeated', () => {
  const input = { idempotencyKey: 'k', text: 'Hello' };

  test('finds its earlier result', async () => {
    const { context, asked } = contextOf(rowOf(input));
    expect(await findEarlierResult(context, viewer, mutation(input))).toEqual({ kind: 'earlier', ...result });
    expect(asked).toEqual([{ principal: 'ada', mutation: 'sendMessage', key: 'k' }]);
    expect(await findEarlierResult(context, viewer, mutation({ ...input, idempotencyKey: 'new' }))).toBeNull();
  });

  test('is refused with another input', async () => {
    const { context } = contextOf(rowOf(input));
    expect(await findEarlierResult(context, viewer, mutation({ ...input, text: 'Bye' }))).toMatchObject({
      kind: 'conflict',
      message: 'The idempotency key "k" was used with a different input. Send the same input, or a new key.',
    });
  });
});

describe('a mutation is performed once', () => {
  const input = { idempotencyKey: 'k', text: 'Hello' };
  type Done = { kind: 'done' } | { kind: 'repeated'; earlier: EarlierResult };

  /** @param keys of the database at the start */
  async function perform(keys: IdempotencyKeyRow[], during: (keys: IdempotencyKeyRow[]) => void = () => undefined) {
    const { context, keys: stored } = contextOf(...keys);
    let performed = 0;
    const outcome = await performOnce<Done>(context, viewer, mutation(input), {
      async perform() {
        performed += 1;
        during(stored);
        return { kind: 'done' };
      },
      repeat: (earlier) => ({ kind: 'repeated', earlier }),
    });
    return { outcome, performed };
  }

  const constraint = () => new StoreError('constraint', 'used');

  test('for each key', async () => {
    expect(await perform([])).toEqual({ outcome: { kind: 'done' }, performed: 1 });
    expect(await perform([rowOf(input)])).toEqual({
      outcome: { kind: 'repeated', earlier: { kind: 'earlier', ...result } },
      performed: 0,
    });
    expect(await perform([rowOf({ ...input, text: 'Bye' })])).toMatchObject({
      outcome: { kind: 'conflict' },
      performed: 0,
    });
  });

  test('also if another server uses the key at the same time', async () => {
    const losing = (row: IdempotencyKeyRow) => (keys: IdempotencyKeyRow[]) => {
      keys.push(row);
      throw constraint();
    };
    expect(await perform([], losing(rowOf(input)))).toMatchObject({ outcome: { kind: 'repeated' }, performed: 1 });
    expect(await perform([], losing(rowOf({ ...input, text: 'Bye' })))).toMatchObject({
      outcome: { kind: 'conflict' },
    });
  });

  test('and its failure is not hidden', async () => {
    const other = constraint();
    const fail = (error: Error) => () => {
      throw error;
    };
    await expect(perform([], fail(other))).rejects.toBe(other);
    const unavailable = new StoreError('unavailable', 'away');
    await expect(
      perform([], (keys) => {
        keys.push(rowOf(input));
        throw unavailable;
      }),
    ).rejects.toBe(unavailable);
    const defect = Object.assign(new Error('a defect'), { failure: 'constraint' });
    await expect(
      perform([], (keys) => {
        keys.push(rowOf(input));
        throw defect;
      }),
    ).rejects.toBe(defect);
  });
});
