import { expect, test } from 'vitest';
import { type AgentLimits, effectiveLimits } from '../../../src/domain/run-limits.ts';

const server = { maxSteps: 10, maxToolCalls: 20, runSeconds: 30, maxTokens: 40, maxCost: 50 };
const unset: AgentLimits = { maxSteps: null, maxToolCalls: null, runSeconds: null, maxTokens: null, maxCost: null };

test("a run without an agent has the server's limits", () => {
  expect(effectiveLimits(server, null)).toEqual(server);
});

test("limits that the agent leaves out are the server's", () => {
  expect(effectiveLimits(server, unset)).toEqual(server);
  expect(effectiveLimits({ ...server, maxCost: null }, unset).maxCost).toBeNull();
});

test('an agent can lower every limit, and 0 is lower', () => {
  const agent = { maxSteps: 1, maxToolCalls: 0, runSeconds: 3, maxTokens: 4, maxCost: 0 };
  expect(effectiveLimits(server, agent)).toEqual(agent);
});

test('an agent cannot raise a limit', () => {
  const agent = { maxSteps: 100, maxToolCalls: 200, runSeconds: 300, maxTokens: 400, maxCost: 500 };
  expect(effectiveLimits(server, agent)).toEqual(server);
});

test('an agent can limit the cost of its runs on a server without a cost limit', () => {
  expect(effectiveLimits({ ...server, maxCost: null }, { ...unset, maxCost: 7 }).maxCost).toBe(7);
});
