import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { costOf } from '../../../src/graphql/execution/operation-cost.ts';
import { schema } from '../../../src/graphql/schema.ts';

const cost = (text: string) => costOf(schema, parse(text), null, {});

test.each([
  // The list, and 50 items with a run each.
  ['{ waits(first: 50) { nodes { id run { id } } } }', 1 + 50 * 2],
  ['{ wait(id: "w") { run { id } } }', 2],
  // Lists without a size count as ten.
  ['{ runs(first: 5) { nodes { pendingWaits { id } } } }', 1 + 5 * (1 + 10)],
  ['{ run(id: "r") { toolCalls { waits { id } approval { id } } } }', 1 + 10 * (1 + 10 + 1)],
  ['{ session(id: "s") { waits(last: 20) { edges { node { id } } } } }', 2 + 20 * 2],
  ['{ session(id: "s") { messages(first: 100) { nodes { toolCalls { callId } } } } }', 2 + 100 * (1 + 10)],
  ['{ sessions(first: 10) { nodes { cursor messages { nodes { id } } } } }', 1 + 10 * (1 + 1 + 25)],
  ['subscription { sessionEventBatches(sessionId: "s") { events { id } } }', 1 + 10],
])('%s costs what it can make the server read', (text, expected) => {
  expect(cost(text)).toBe(expected);
});
