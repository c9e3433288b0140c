import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createSharedResults } from '../../../src/graphql/execution/shared-results.ts';
import { schema } from '../../../src/graphql/schema.ts';

const document = parse(
  'subscription Follow($run: ID!, $after: String) { runEvents(runId: $run, after: $after) { seq type } }',
);
const otherDocument = parse(
  'subscription Follow($run: ID!, $after: String!) { runEvents(runId: $run, after: $after) { seq hash __typename } }',
);
const ada = { principal: 'ada', scopes: ['read'] };
const event = { seq: 1 };

const sharedResults = createSharedResults<object>();
const execute = () => ({});

const join = (variableValues: Record<string, unknown>, viewer = ada, operation = document) =>
  sharedResults.join({ schema, document: operation, variableValues }, viewer);

/** Whether two subscribers get the same result for one event. */
function isShared(left: ReturnType<typeof join>, right: ReturnType<typeof join>): boolean {
  const isSame = left.resultOf(event, execute) === right.resultOf(event, execute);
  left.leave();
  right.leave();
  return isSame;
}

describe('a result is executed once', () => {
  test('for all subscribers of the same operation, wherever they start', () => {
    expect(isShared(join({ run: 'r', after: 'c1' }), join({ run: 'r', after: 'c9' }))).toBe(true);
    expect(isShared(join({ run: 'r' }), join({ run: 'r', after: null }))).toBe(true);
  });

  test('for each event object', () => {
    const group = join({ run: 'r' });
    const result = group.resultOf(event, execute);
    expect(group.resultOf(event, execute)).toBe(result);
    expect(group.resultOf({ ...event }, execute)).not.toBe(result);
    group.leave();
  });

  test('and dropped when the last subscriber leaves', () => {
    const [first, second] = [join({ run: 'r' }), join({ run: 'r' })];
    const result = first.resultOf(event, execute);
    first.leave();
    const third = join({ run: 'r' });
    expect(third.resultOf(event, execute)).toBe(result);
    second.leave();
    third.leave();
    const fourth = join({ run: 'r' });
    expect(fourth.resultOf(event, execute)).not.toBe(result);
    fourth.leave();
  });
});

describe('a result is not shared', () => {
  test.each([
    ['another principal', join({ run: 'r' }, { principal: 'bob', scopes: ['read'] })],
    ['other scopes', join({ run: 'r' }, { principal: 'ada', scopes: ['read', 'admin'] })],
    ['another run', join({ run: 's' })],
    ['another document', join({ run: 'r' }, ada, otherDocument)],
    ['a principal that contains JSON', join({ run: 'r' }, { principal: 'ada","scopes":["read"]', scopes: [] })],
  ])('with %s', (_what, other) => {
    expect(isShared(join({ run: 'r' }), other)).toBe(false);
  });

  test('if the start position is also used for something else', () => {
    const usedTwice = parse(
      'subscription ($run: ID!, $after: String!) { runEvents(runId: $run, after: $after) { seq ... on StatusEvent @include(if: $after) { to } } }',
    );
    const joinAt = (after: string) => join({ run: 'r', after }, ada, usedTwice);
    expect(isShared(joinAt('a'), joinAt('b'))).toBe(false);
  });
});
