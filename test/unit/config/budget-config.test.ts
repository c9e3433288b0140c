import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

const remote = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'any' };
const price = { inputPerMillion: 1, outputPerMillion: 2 };
const embeddings = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'any' };

function read(file: object) {
  const outcome = readConfiguration({}, () => JSON.stringify(file));
  return outcome.ok ? outcome.configuration.file.budgets : outcome.problems;
}

const problemOf = (budget: object) => read({ budgets: [budget] });

test('a budget has the names of the API, and defaults', () => {
  expect(
    read({
      budgets: [
        { appliesTo: 'principal', tokens: 5 },
        { appliesTo: 'agent', agent: 'clerk', period: 'month', cost: 0.5, onLimit: 'ask' },
      ],
    }),
  ).toEqual([
    { appliesTo: 'PRINCIPAL', agent: null, period: 'TOTAL', kind: 'TOKENS', allowance: 5, onLimit: 'fail' },
    { appliesTo: 'AGENT', agent: 'clerk', period: 'MONTH', kind: 'COST', allowance: 0.5, onLimit: 'ask' },
  ]);
});

describe('a budget is refused', () => {
  test.each([
    ['without an amount', { appliesTo: 'run' }],
    ['with two amounts', { appliesTo: 'run', cost: 1, tokens: 1 }],
  ])('%s', (_what, budget) => {
    expect(problemOf(budget)).toEqual([
      './runtape.config.json: budgets.0: must have either "cost" or "tokens". Use two budgets to limit both',
    ]);
  });

  test('for something else than the agent that it names', () => {
    expect(problemOf({ appliesTo: 'run', agent: 'clerk', tokens: 1 })).toEqual([
      './runtape.config.json: budgets.0.agent: names an agent, but the budget applies to something else. Set "appliesTo" to "agent"',
    ]);
  });

  test('with a wrong amount, and compared with nothing then', () => {
    expect(problemOf({ appliesTo: 'run', cost: -1 })).toHaveLength(1);
  });
});

describe('B100: a budget of cost', () => {
  const budgets = [
    { appliesTo: 'run', tokens: 1 },
    { appliesTo: 'run', cost: 1 },
  ];

  test('is refused while models have no price, with the name of each', () => {
    const models = { one: remote, two: remote, priced: { ...remote, price } };
    expect(read({ budgets, models, embeddings })).toEqual([
      './runtape.config.json: budgets.1.cost: cannot limit the cost of models without a price: "one", "two", that of embeddings. ' +
        'Set models.one.price, models.two.price, embeddings.price, or limit tokens',
    ]);
    expect(read({ budgets, models })).toEqual([
      expect.stringContaining('a price: "one", "two". Set models.one.price, models.two.price, or'),
    ]);
    expect(read({ budgets, embeddings })).toEqual([
      expect.stringContaining('a price: that of embeddings. Set embeddings.price, or'),
    ]);
  });

  test('is accepted if every model has a price, or is the built-in one', () => {
    const file = {
      budgets,
      models: { priced: { ...remote, price }, scripted: { provider: 'scripted' } },
      embeddings: { ...embeddings, price: { inputPerMillion: 1 } },
    };
    expect(read(file)).toMatchObject([{ kind: 'TOKENS' }, { kind: 'COST' }]);
  });

  test('is not compared with a model that has another problem', () => {
    expect(read({ budgets, models: { broken: { ...remote, baseURL: 'nowhere' } } })).toEqual([
      expect.stringContaining('models.broken.baseURL: must be an http or https URL'),
    ]);
  });
});

describe('a budget that asks', () => {
  const budgetsOf = (onLimit: 'fail' | 'ask') =>
    ['run', 'session', 'agent', 'principal'].map((appliesTo) => ({ appliesTo, tokens: 1, onLimit }));
  const tokens = (...scopesOfTokens: string[][]) => ({
    mode: 'tokens',
    tokens: scopesOfTokens.map((scopes, index) => ({ sha256: String(index).repeat(64), principal: 'ada', scopes })),
  });

  test('is refused for agents and principals if no token may raise it', () => {
    const problem =
      'needs a principal that can raise the budgets of agents and principals, but no token has the scope "approve:any". ' +
      '`runtape token <principal> read,approve,approve:any` prints a token that has it';
    expect(read({ auth: tokens(['read', 'approve']), budgets: budgetsOf('ask') })).toEqual([
      `./runtape.config.json: budgets.2.onLimit: ${problem}`,
      `./runtape.config.json: budgets.3.onLimit: ${problem}`,
    ]);
  });

  test('is accepted if one token may raise it, and without authentication', () => {
    const auth = tokens(['read'], ['read', 'approve', 'approve:any']);
    expect(read({ auth, budgets: budgetsOf('ask') })).toHaveLength(4);
    expect(read({ budgets: budgetsOf('ask') })).toHaveLength(4);
    expect(read({ auth: tokens(['read']), budgets: budgetsOf('fail') })).toMatchObject([{}, {}, {}, {}]);
  });
});
