import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

function read(embeddings: unknown, environment: Record<string, string> = {}) {
  const outcome = readConfiguration(environment, () => JSON.stringify({ embeddings }));
  return outcome.ok ? { embeddings: outcome.configuration.file.embeddings, problems: [] } : outcome;
}

describe('embeddings', () => {
  const entry = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:11434/v1', model: 'nomic-embed-text' };

  test('are optional, and take the form that models have', () => {
    expect(read(undefined)).toEqual({ embeddings: undefined, problems: [] });
    expect(read(entry)).toEqual({ embeddings: { ...entry, headers: {} }, problems: [] });
    expect(read({ ...entry, apiKeyEnv: 'KEY' }, { KEY: 'x' }).problems).toEqual([]);
  });

  test('are refused with the path of what is wrong', () => {
    const problemsOf = (value: unknown) => read(value).problems.join('\n');
    expect(problemsOf({ ...entry, baseURL: 'nowhere' })).toMatch(/embeddings\.baseURL: Must be an http/);
    expect(problemsOf({ ...entry, provider: 'other' })).toContain('embeddings.provider');
    expect(problemsOf({ ...entry, dimension: 3 })).toContain('dimension');
    expect(problemsOf({ ...entry, apiKeyEnv: 'KEY' })).toMatch(/embeddings\.apiKeyEnv: .*KEY is not set/);
  });
});
