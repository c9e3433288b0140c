import { describe, expect, test } from 'vitest';
import { fileSchema, readConfiguration } from '../../../src/config/configuration.ts';

type Value = string | number | boolean | Value[] | { [key: string]: Value };

const token = { sha256: 'a'.repeat(64), principal: 'ada', scopes: ['read', 'approve', 'approve:any'] };
const price = { inputPerMillion: 1, outputPerMillion: 2, cachedInputPerMillion: 0.5 };
const remoteModel = { model: 'm', headers: {}, maxOutputTokens: 10, options: {}, price, fallbacks: [] };

/** Has every object that a file can have, except for the two other forms of `auth`. */
const completeFile = {
  defaultModel: 'scripted',
  models: {
    scripted: { provider: 'scripted', price },
    local: { ...remoteModel, provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1' },
    claude: { ...remoteModel, provider: 'anthropic', apiKeyEnv: 'KEY' },
    gpt: { ...remoteModel, provider: 'openai', apiKeyEnv: 'KEY' },
    packaged: { ...remoteModel, provider: '@ai-sdk/google' },
  },
  embeddings: { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'm', headers: {} },
  mcpServers: {
    local: { command: 'server', env: {}, tools: { echo: { risk: 'LOW' } } },
    remote: { url: 'http://127.0.0.1:1/mcp', headers: {}, tools: { echo: { enabled: false } } },
  },
  askPerson: true,
  files: { root: './workspace' },
  auth: { mode: 'tokens', tokens: [token] },
  cors: { origins: [] },
  traffic: { pointsPerMinute: 10 },
  approvals: { separateApprover: true },
  activity: { retentionDays: 7 },
  metrics: { enabled: true },
  tracing: { endpoint: 'http://127.0.0.1:4318' },
  audit: { retentionDays: 30 },
  limits: { maxSteps: 1 },
  budgets: [{ appliesTo: 'run', tokens: 1 }],
  agents: [
    {
      owner: 'ada',
      name: 'clerk',
      instructions: '',
      limits: { maxSteps: 1 },
      outputSchema: {},
      clientTools: [{ name: 'show', description: 'Shows.', inputSchema: {} }],
    },
  ],
  quotas: { maxSessions: 1, principals: { ada: { maxSessions: 2 } } },
  storage: { minFreeBytes: 0 },
  retention: { purgeAfterDays: 30, agents: { support: { purgeAfterDays: 60 } } },
  attachments: { s3: { bucket: 'b', accessKeyIdEnv: 'KEY', secretAccessKeyEnv: 'KEY' } },
};

/** Objects whose keys are names that the operator chooses. */
const freeKeys = /^(models|mcpServers|.*\.(headers|env|options|tools|outputSchema|inputSchema|principals|agents))$/;

/** The paths of all objects in a value, without those that have free keys. */
function objectPaths(value: Value, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object') return [];
  const isChecked = !Array.isArray(value) && !freeKeys.test(path.join('.'));
  const inner = Object.entries(value).flatMap(([key, member]) => objectPaths(member, [...path, key]));
  return isChecked ? [[...path], ...inner] : inner;
}

function withKey(value: Value, path: readonly string[], key: string): Value {
  if (typeof value !== 'object') throw new Error('The path does not lead to an object.');
  const [next, ...rest] = path;
  if (next === undefined) return { ...value, [key]: 1 };
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === next ? withKey(item, rest, key) : item));
  return { ...value, [next]: withKey(value[next] ?? {}, rest, key) };
}

function problemsOf(file: Value): string[] {
  const outcome = readConfiguration({ KEY: 'k' }, () => JSON.stringify(file));
  return outcome.ok ? [] : outcome.problems;
}

const jwtFile = { auth: { mode: 'jwt', issuer: 'i', audience: 'a', jwksUrl: 'https://keys.example.com' } };
const cases = [
  ...objectPaths(completeFile).map((path) => [path.join('.'), completeFile, path] as const),
  ['auth with mode jwt', jwtFile, ['auth']] as const,
  ['auth with mode none', { auth: { mode: 'none' } }, ['auth']] as const,
];

test('the files of these tests are valid and complete', () => {
  expect(problemsOf(completeFile)).toEqual([]);
  expect(problemsOf(jwtFile)).toEqual([]);
  const missing = Object.keys(fileSchema.shape).filter((key) => !Object.hasOwn(completeFile, key));
  expect(missing.toSorted()).toEqual(['$schema', 'console', 'documents', 'policyFile']);
  const paths = objectPaths(completeFile).map((path) => path.join('.'));
  expect(paths).toEqual(expect.arrayContaining(['', 'approvals', 'traffic', 'auth.tokens.0', 'mcpServers.local']));
  expect(paths).toContain('models.gpt.price');
  expect(paths).toContain('mcpServers.remote.tools.echo');
});

describe('an unknown key is a problem, because the key that was meant would be ignored', () => {
  test.each(cases)('in the object at "%s"', (_name, file, path) => {
    const location = path.length === 0 ? '' : `${path.join('.')}: `;
    expect(problemsOf(withKey(file, path, 'unknownName'))).toEqual([
      expect.stringContaining(`./runtape.config.json: ${location}unknown key "unknownName". Allowed keys: `),
    ]);
  });

  test('also if it is one letter away from a known key', () => {
    expect(problemsOf({ approvals: { separateAprover: true } })).toEqual([
      './runtape.config.json: approvals: unknown key "separateAprover". Allowed keys: expiresAfterSeconds, onExpiry, separateApprover, quarantineChangedTools',
    ]);
  });
});
