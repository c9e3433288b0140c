import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { modelsConfigSchema } from '../../../src/config/model-config.ts';
import { costOf, modelsInOrder, priceOf } from '../../../src/models/catalogue.ts';
import { alwaysClosed } from '../../../src/models/circuit.ts';
import { createCatalogue } from '../../../src/models/create-catalogue.ts';

const local = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'small' };

function catalogueOf(config: unknown, env: Record<string, string> = {}) {
  return createCatalogue(modelsConfigSchema.parse(config), { clock: systemClock, random: Math.random, env });
}

async function issuesOf(config: unknown, env: Record<string, string> = {}) {
  const outcome = await catalogueOf(config, env);
  return outcome.ok ? [] : outcome.issues;
}

function problemsOf(config: unknown) {
  const parsed = modelsConfigSchema.safeParse(config);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => ({ path, message }));
}

describe('createCatalogue', () => {
  it('contains the scripted model without any configuration', async () => {
    const outcome = await catalogueOf({});
    if (!outcome.ok) throw new Error('refused');
    expect(outcome.catalogue.defaultName).toBe('scripted');
    expect(outcome.catalogue.names).toEqual(['scripted']);
    expect(outcome.catalogue.find('scripted')).toMatchObject({ contextTokens: 32_000, price: null });
    expect(outcome.catalogue.find('other')).toBeNull();
  });

  it('contains the configured models with their limits and prices', async () => {
    const price = { inputPerMillion: 0.2, outputPerMillion: 0.6 };
    const outcome = await catalogueOf(
      {
        defaultModel: 'local',
        models: {
          local: { ...local, apiKeyEnv: 'KEY', contextTokens: 8000, price, fallbacks: ['scripted', 'scripted'] },
          slow: { provider: 'scripted', paceMilliseconds: 100 },
        },
      },
      { KEY: 'k' },
    );
    if (!outcome.ok) throw new Error('refused');
    expect(outcome.catalogue.defaultName).toBe('local');
    expect(outcome.catalogue.names).toEqual(['scripted', 'local', 'slow']);
    expect(outcome.catalogue.find('local')).toMatchObject({ name: 'local', contextTokens: 8000, price });
    await outcome.catalogue[Symbol.asyncDispose]();
  });

  it('has a circuit and the longest answer for remote models, and neither for the scripted one', async () => {
    const outcome = await catalogueOf({ models: { local: { ...local, maxOutputTokens: 50 }, other: local } });
    if (!outcome.ok) throw new Error('refused');
    const { catalogue } = outcome;
    const circuitOf = (name: string) => catalogue.find(name)?.circuit;
    expect(catalogue.find('local')?.maxOutputTokens).toBe(50);
    expect(catalogue.find('other')?.maxOutputTokens).toBeNull();
    expect(catalogue.find('scripted')?.maxOutputTokens).toBeNull();
    expect(circuitOf('scripted')).toBe(alwaysClosed);
    expect(circuitOf('local')).not.toBe(alwaysClosed);
    expect(circuitOf('local')).not.toBe(circuitOf('other'));
    await catalogue[Symbol.asyncDispose]();
  });

  it('reports every problem at once, with its path', async () => {
    const issues = await issuesOf({
      defaultModel: 'nobody',
      models: {
        local: { ...local, apiKeyEnv: 'MISSING_KEY', fallbacks: ['scripted', 'ghost', 'local'] },
        scripted: local,
      },
    });
    expect(issues.map(({ path }) => path.join('.'))).toEqual([
      'defaultModel',
      'models.local.apiKeyEnv',
      'models.local.fallbacks.1',
      'models.local.fallbacks.2',
      'models.scripted.provider',
    ]);
    expect(issues[0]?.message).toBe('there is no model "nobody". Configured models: scripted, local');
    expect(issues[1]?.message).toContain('MISSING_KEY');
  });

  it('names the missing key of a built-in provider, and the package to install for another one', async () => {
    const issues = await issuesOf({ models: { a: { provider: 'anthropic', model: 'm' } } });
    expect(issues).toEqual([
      {
        path: ['models', 'a', 'apiKeyEnv'],
        message:
          'the environment variable ANTHROPIC_API_KEY is not set. Set it to the API key, or name another variable',
      },
    ]);
    const missing = await issuesOf({
      models: { a: { provider: '@ai-sdk/telepathy', model: 'm' }, b: { provider: 'opnai', model: 'm' } },
    });
    expect(missing.map(({ path }) => path)).toEqual([
      ['models', 'a', 'provider'],
      ['models', 'b', 'provider'],
    ]);
    expect(missing[0]?.message).toContain('npm install @ai-sdk/telepathy');
    expect(missing[1]?.message).toContain('neither a built-in provider');
  });

  it('treats an empty key as missing', async () => {
    expect(await issuesOf({ models: { local: { ...local, apiKeyEnv: 'KEY' } } }, { KEY: '' })).toHaveLength(1);
  });
});

describe('modelsInOrder', () => {
  it('is the requested model and its fallbacks in the order of its configuration', async () => {
    const outcome = await catalogueOf({
      models: {
        first: local,
        second: { ...local, fallbacks: ['first'] },
        requested: { ...local, fallbacks: ['third', 'scripted', 'second', 'first'] },
        third: local,
      },
    });
    if (!outcome.ok) throw new Error('refused');
    const { catalogue } = outcome;
    const namesFrom = (name: string) => {
      const requested = catalogue.find(name);
      return requested && modelsInOrder(catalogue, requested).map((entry) => entry.name);
    };
    expect(namesFrom('requested')).toEqual(['requested', 'third', 'scripted', 'second', 'first']);
    expect(namesFrom('second')).toEqual(['second', 'first']);
    expect(namesFrom('third')).toEqual(['third']);
    const incomplete = { ...catalogue, find: (name: string) => (name === 'third' ? null : catalogue.find(name)) };
    const requested = catalogue.find('requested');
    expect(requested && modelsInOrder(incomplete, requested).map(({ name }) => name)).toEqual([
      'requested',
      'scripted',
      'second',
      'first',
    ]);
    await catalogue[Symbol.asyncDispose]();
  });
});

describe('modelsConfigSchema', () => {
  it('lists the valid providers', () => {
    const known = 'scripted, openai-compatible, anthropic, openai';
    expect(problemsOf({ models: { a: { provider: 'Tele Pathy', model: 'm' }, b: {} } })).toEqual([
      { path: ['models', 'a', 'provider'], message: `must be one of ${known} or the name of an installed package` },
      { path: ['models', 'b', 'provider'], message: `must be one of ${known} or the name of an installed package` },
    ]);
  });

  it.each([
    ['baseURL', { ...local, baseURL: 'file:///etc' }],
    ['baseURL', { ...local, baseURL: 'nonsense' }],
    ['contextTokens', { ...local, contextTokens: 0 }],
    ['price', { ...local, price: { inputPerMillion: 1 } }],
    ['model', { provider: 'anthropic' }],
    ['baseURL', { provider: 'openai', model: 'm', baseURL: 'https://ada:secret@host' }],
    ['baseURL', { provider: 'openai', model: 'm', baseURL: 'https://:secret@host' }],
    ['options', { provider: '@ai-sdk/google', model: 'm', options: { temperature: 1 } }],
    ['paceMilliseconds', { provider: 'scripted', paceMilliseconds: -1 }],
  ])('refuses a wrong %s', (field, entry) => {
    expect(problemsOf({ models: { a: entry } })[0]?.path.slice(0, 3)).toEqual(['models', 'a', field]);
  });

  it('accepts an address, also one with a user and a password where the gateway itself makes the request', () => {
    expect(problemsOf({ models: { a: { provider: 'openai', model: 'm', baseURL: 'https://host/v1' } } })).toEqual([]);
    expect(problemsOf({ models: { a: { ...local, baseURL: 'https://ada:secret@host/v1' } } })).toEqual([]);
  });

  it('refuses an unknown field', () => {
    expect(problemsOf({ models: { a: { ...local, baseUrl: 'x' } } })[0]?.message).toContain('baseUrl');
  });
});

describe('priceOf', () => {
  const price = { inputPerMillion: 2, outputPerMillion: 8 };

  it('is unknown without a price, and nothing for the built-in model', () => {
    expect(priceOf({ provider: 'openai', price })).toBe(price);
    expect(priceOf({ provider: 'openai', price: null })).toBeNull();
    expect(priceOf({ provider: 'scripted', price: null })).toEqual({ inputPerMillion: 0, outputPerMillion: 0 });
    expect(priceOf({ provider: 'scripted', price })).toBe(price);
  });
});

describe('costOf', () => {
  const usage = { input: 1_000_000, output: 500_000, cachedInput: null, reasoning: null };
  const price = { inputPerMillion: 2, outputPerMillion: 8 };

  it('adds the cost of input and output', () => {
    expect(costOf(usage, price)).toBe(6);
  });

  it('charges cached input at its own price, or like other input if it has none', () => {
    const cached = { ...usage, cachedInput: 750_000 };
    expect(costOf(cached, { ...price, cachedInputPerMillion: 0.4 })).toBeCloseTo(0.5 + 0.3 + 4);
    expect(costOf(cached, price)).toBe(6);
  });
});
