import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { beforeAll, describe, expect, test } from 'vitest';
import { configurationJsonSchema } from '../../../src/config/config-schema.ts';
import { readConfiguration } from '../../../src/config/configuration.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
const page = read('docs/configuration.md');

describe('schema/config.schema.json', () => {
  let validate: ValidateFunction;
  beforeAll(() => {
    validate = new Ajv({ strict: false, validateFormats: false }).compile(configurationJsonSchema(page));
  });
  const accepted = (file: unknown) => {
    const outcome = readConfiguration({ ANTHROPIC_API_KEY: 'x', KEY: 'x', HOST: '' }, () => JSON.stringify(file));
    return outcome.ok;
  };

  test('is the schema of the program. Otherwise run `npm run schema`', () => {
    expect(JSON.parse(read('schema/config.schema.json'))).toEqual(configurationJsonSchema(page));
  });

  test('explains every key, as docs/configuration.md does', () => {
    const text = JSON.stringify(configurationJsonSchema(page));
    expect(text).toContain('"description":"Name of the model for sessions and agents that do not choose one."');
    expect(() => configurationJsonSchema(page.replace('| `policyFile` |', '| `policy` |'))).toThrow(
      'docs/configuration.md has no row for policyFile.',
    );
  });

  const entry = { sha256: 'a'.repeat(64), principal: 'ada', scopes: ['read'] };
  test.each([
    {},
    { $schema: './runtape.config.schema.json' },
    { models: { a: { provider: 'scripted', paceMilliseconds: 0 } } },
    { models: { a: { provider: 'anthropic', model: 'claude', options: { anthropic: { effort: { deep: [1] } } } } } },
    { models: { a: { provider: '@ai-sdk/google', model: 'gemini', apiKeyEnv: 'KEY', factory: 'createGoogle' } } },
    { mcpServers: { a: { command: 'x', env: { A: '1' } }, b: { url: 'https://example.com/mcp' } } },
    { auth: { mode: 'tokens', tokens: [entry] }, budgets: [{ appliesTo: 'run', tokens: 5 }] },
    { limits: { maxCost: null }, embeddings: { provider: 'openai-compatible', baseURL: 'http://a.b', model: 'e' } },
  ])('accepts what the server accepts: %j', (file) => {
    expect({ schema: validate(file), server: accepted(file) }).toEqual({ schema: true, server: true });
  });

  test.each([
    { unknown: 1 },
    { $schema: 1 },
    { models: { a: { provider: 'scripted', pace: 0 } } },
    { models: { a: { provider: 'anthropic', model: 'claude', factory: 'create' } } },
    { models: { a: { model: 'claude' } } },
    { models: { [`a${'b'.repeat(100)}`]: { provider: 'scripted' } } },
    { mcpServers: { a: { command: 'x', url: 'https://example.com/mcp' } } },
    { mcpServers: { a: { args: [] } } },
    { auth: { mode: 'tokens', tokens: [] } },
    { auth: { mode: 'password' } },
    { limits: { maxSteps: 0 } },
    { limits: { maxSteps: 1.5 } },
    { budgets: [{ appliesTo: 'team', tokens: 5 }] },
  ])('refuses what the server refuses: %j', (file) => {
    expect({ schema: validate(file), server: accepted(file) }).toEqual({ schema: false, server: false });
  });
});
