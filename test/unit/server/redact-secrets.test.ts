import { expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';
import { redactSecrets } from '../../../src/server/doctor/redact-secrets.ts';

test('B112: replaces every secret of the configuration and of the environment', () => {
  const environment = {
    DATABASE_URL: 'postgres://ada:pass%2Fword1@db/runtape',
    MY_KEY: 'key-of-the-model',
    GITHUB_TOKEN: 'token-of-github',
    AWS_ACCESS_KEY_ID: 'access-key-id',
    AWS_SECRET_ACCESS_KEY: 'secret-access-key',
    SHORT_KEY: 'true',
    PATH: '/usr/bin',
  };
  const file = {
    models: {
      local: {
        provider: 'openai-compatible',
        baseURL: 'http://user:url-password@localhost/v1?code=url-query',
        model: 'm',
        apiKeyEnv: 'MY_KEY',
        headers: { 'x-team': 'header-of-model' },
      },
    },
    embeddings: {
      provider: 'openai-compatible',
      baseURL: 'http://e',
      model: 'e',
      headers: { a: 'header-of-embedder' },
    },
    mcpServers: {
      http: { url: 'https://example.com/mcp', headers: { authorization: 'Bearer of-mcp' } },
      stdio: { command: 'x', args: ['$' + '{GITHUB_TOKEN}'], env: { A: 'environment-of-mcp' } },
    },
    attachments: { s3: { bucket: 'b' } },
  };
  const outcome = readConfiguration(environment, () => JSON.stringify(file));
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const secrets = [
    'pass%2Fword1',
    'pass/word1',
    'key-of-the-model',
    'token-of-github',
    'access-key-id',
    'secret-access-key',
    'url-password',
    'url-query',
    'header-of-model',
    'header-of-embedder',
    'Bearer of-mcp',
    'environment-of-mcp',
  ];
  for (const secret of secrets) {
    expect(redactSecrets(`It said ${secret}, true and /usr/bin.`, outcome.configuration, environment)).toBe(
      'It said …, true and /usr/bin.',
    );
  }
  expect(redactSecrets('The key key-of-the-model', null, environment)).toBe('The key …');
});
