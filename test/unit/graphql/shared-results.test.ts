import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { shareResults } from '../../../src/graphql/execution/shared-results.ts';
import { schema } from '../../../src/graphql/schema.ts';

const document = parse(
  'subscription Follow($run: ID!, $after: String) { runEvents(runId: $run, after: $after) { seq type } }',
);
const reused = parse(
  'subscription Follow($run: ID!, $after: String!) { runEvents(runId: $run, after: $after) { seq hash @include(if: true) __typename } }',
);
const ada = { principal: 'ada', scopes: ['read'] };
const event = { seq: 1 };

let made = 0;

function join(variableValues: Record<string, unknown>, viewer = ada, of = document) {
  return shareResults({ schema, document: of, variableValues }, viewer, () => {
    made += 1;
    return `made ${made}`;
  });
}

/** Whether two subscribers get the same result of one event. */
function isShared(left: ReturnType<typeof join>, right: ReturnType<typeof join>): boolean {
  const same = left.of(event) === right.of(event);
  left.leave();
  right.leave();
  return same;
}

describe('a result is made once', () => {
  test('for all who ask the same, wherever they began', () => {
    expect(isShared(join({ run: 'r', after: 'c1' }), join({ run: 'r', after: 'c9' }))).toBe(true);
    expect(isShared(join({ run: 'r' }), join({ run: 'r', after: null }))).toBe(true);
  });

  test('and again where the event is read again', () => {
    const group = join({ run: 'r' });
    const result = group.of(event);
    expect(group.of(event)).toBe(result);
    expect(group.of({ ...event })).not.toBe(result);
    group.leave();
  });

  test('and forgotten with the last of them', () => {
    const first = join({ run: 'r' });
    const result = first.of(event);
    first.leave();
    const second = join({ run: 'r' });
    expect(second.of(event)).not.toBe(result);
    second.leave();
  });
});

describe('a result is not shared', () => {
  test.each([
    ['another principal', join({ run: 'r' }, { principal: 'bob', scopes: ['read'] })],
    ['other rights', join({ run: 'r' }, { principal: 'ada', scopes: ['read', 'admin'] })],
    ['another run', join({ run: 's' })],
    ['another document', join({ run: 'r' }, ada, reused)],
    ['a principal that looks like it', join({ run: 'r' }, { principal: 'ada","scopes":["read"]', scopes: [] })],
  ])('with %s', (_what, other) => {
    expect(isShared(join({ run: 'r' }), other)).toBe(false);
  });

  test('where the position means something else too', () => {
    const twice = parse(
      'subscription ($run: ID!, $after: String!) { runEvents(runId: $run, after: $after) { seq ... on StatusEvent @include(if: $after) { to } } }',
    );
    expect(isShared(join({ run: 'r', after: 'a' }, ada, twice), join({ run: 'r', after: 'b' }, ada, twice))).toBe(
      false,
    );
  });
});
