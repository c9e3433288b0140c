import { expect, test } from 'vitest';
import type { CallCharges } from '../../../src/context/call-charges.ts';
import { createEmbeddingCharges } from '../../../src/context/memory/embedding-charges.ts';
import type { ExceededBudget } from '../../../src/domain/budget.ts';

/** Charges of which those of Ben's calls do not fit, and those of Eve's cannot be made. */
function setUp(price: number | null = 0.5) {
  const planned: unknown[] = [];
  const settled: unknown[] = [];
  const charges: CallCharges = {
    async reserve({ owner, sessionId }, call) {
      planned.push([owner, sessionId, call]);
      if (owner === 'eve') throw new Error('The store is away.');
      if (owner === 'ben') return { kind: 'exceeded' } as ExceededBudget;
      const settle = async (used: unknown) => void settled.push([owner, sessionId, used]);
      return { kind: 'reserved', maxOutputTokens: null, settle };
    },
  };
  return { charges: createEmbeddingCharges(charges, price), planned, settled };
}

const text = (owner: string, sessionId: string | null, tokens: number) => ({
  owner,
  sessionId,
  text: 'abcd'.repeat(tokens),
});

test('texts are charged by principal and session, each for its part of what the call used', async () => {
  const { charges, planned, settled } = setUp();
  const texts = [text('ada', null, 10), text('ben', null, 50), text('ada', 'ses_1', 30), text('ada', null, 20)];
  const { fitting, settle } = await charges.charge(texts);
  const price = { input: 0.5, output: 0 };
  expect(planned).toEqual([
    ['ada', null, { inputTokens: 30, outputTokens: 0, price }],
    ['ben', null, { inputTokens: 50, outputTokens: 0, price }],
    ['ada', 'ses_1', { inputTokens: 30, outputTokens: 0, price }],
  ]);
  expect(fitting).toEqual([texts[0], texts[3], texts[2]]);
  await settle(80);
  expect(settled).toEqual([
    ['ada', null, { TOKENS: 40, COST: 20 }],
    ['ada', 'ses_1', { TOKENS: 40, COST: 20 }],
  ]);
});

test('a call that failed is charged nothing, and nothing is asked without texts', async () => {
  const { charges, planned, settled } = setUp(null);
  await (await charges.charge([text('ada', null, 10)])).settle(0);
  expect(settled).toEqual([['ada', null, { TOKENS: 0, COST: 0 }]]);
  const empty = await charges.charge([text('ada', null, 0)]);
  await empty.settle(5);
  expect(settled[1]).toEqual(['ada', null, { TOKENS: 0, COST: 0 }]);
  expect(planned).toHaveLength(2);
});

test('charges that cannot be made for all texts are taken back', async () => {
  const { charges, settled } = setUp();
  const texts = [text('ada', null, 10), text('ada', 'ses_1', 10), text('eve', null, 10)];
  await expect(charges.charge(texts)).rejects.toThrow('away');
  const none = { TOKENS: 0, COST: 0 };
  expect(settled).toEqual([
    ['ada', null, none],
    ['ada', 'ses_1', none],
  ]);
});
