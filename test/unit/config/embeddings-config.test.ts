import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

function read(embeddings: unknown, environment: Record<string, string> = {}) {
  const outcome = readConfiguration(environment, () => JSON.stringify({ embeddings }));
  return outcome.ok ? { embeddings: outcome.configuration.file.embeddings, problems: [] } : outcome;
}

describe('embeddings', () => {
  const entry = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:11434/v1', model: 'nomic-embed-text' };

  test('are optional, and have the keys of a model', () => {
    expect(read(undefined)).toEqual({ embeddings: undefined, problems: [] });
    expect(read(entry)).toEqual({ embeddings: { ...entry, headers: {} }, problems: [] });
    expect(read({ ...entry, apiKeyEnv: 'KEY' }, { KEY: 'x' }).problems).toEqual([]);
  });

  test('are refused with the path of the problem', () => {
    const problemsOf = (value: unknown) => read(value).problems.join('\n');
    expect(problemsOf({ ...entry, baseURL: 'nowhere' })).toMatch(
      /embeddings\.baseURL: must be an http or https URL, not "nowhere"/,
    );
    expect(problemsOf({ ...entry, provider: 'other' })).toMatch(
      /embeddings\.provider: must be "openai-compatible", not "other"/,
    );
    expect(problemsOf({ ...entry, dimension: 3 })).toMatch(
      /embeddings: unknown key "dimension"\. Allowed keys: provider, baseURL, /,
    );
    expect(problemsOf({ ...entry, apiKeyEnv: 'KEY' })).toMatch(/embeddings\.apiKeyEnv: .*KEY is not set/);
  });
});
