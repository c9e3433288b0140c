import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

function problemsOf(file: unknown, environment: Record<string, string> = {}): string[] {
  const outcome = readConfiguration(environment, () => JSON.stringify(file));
  return outcome.ok ? [] : outcome.problems;
}

const model = { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'small' };
const openai = { provider: 'openai', model: 'small' };

describe('a problem in the file is one line with the path, the value and the correction', () => {
  test.each<[unknown, string]>([
    [{ limits: { maxSteps: 'many' } }, 'limits.maxSteps: must be a whole number, not "many"'],
    [{ limits: { maxSteps: 0 } }, 'limits.maxSteps: must be greater than 0, not 0'],
    [{ limits: { runSeconds: null } }, 'limits.runSeconds: must be a number, not null'],
    [{ limits: [] }, 'limits: must be an object, not an array'],
    [{ approvals: { onExpiry: 'allow' } }, 'approvals.onExpiry: must be "deny" or "fail", not "allow"'],
    [{ approvals: { separateApprover: 'no' } }, 'approvals.separateApprover: must be true or false, not "no"'],
    [
      { limits: { maxStep: 3, depth: 4 } },
      'limits: unknown keys "maxStep", "depth". Allowed keys: maxSteps, maxToolCalls, runSeconds, maxTokens, maxCost, answerBytes, agentVersions, queueLength, countedItems',
    ],
    [{ policyFile: '' }, 'policyFile: must not be empty'],
    [{ defaultModel: 'none' }, 'defaultModel: there is no model "none". Configured models: scripted'],
    [
      { models: { a: { ...model, baseURL: 'file:///x' } } },
      'models.a.baseURL: must be an http or https URL, not "file:///x"',
    ],
    [{ models: { a: { provider: 'anthropic' } } }, 'models.a.model: is missing. It must be a string'],
    [
      { models: { a: {} } },
      'models.a.provider: is missing. It must be one of scripted, openai-compatible, anthropic, openai or the name of an installed package',
    ],
    [{ models: { a: { ...model, fallbacks: ['a'] } } }, 'models.a.fallbacks.0: a model cannot be its own fallback'],
    [
      { models: { a: { ...model, apiKeyEnv: 'LOCAL_KEY' } } },
      'models.a.apiKeyEnv: the environment variable LOCAL_KEY is not set. Set it to the API key, or name another variable',
    ],
    [{ models: { a: 'b' } }, 'models.a: must be an object with "provider", not "b"'],
    [{ models: { a: null } }, 'models.a: must be an object with "provider", not null'],
    [{ models: { a: { provider: ['scripted'], model: 'm' } } }, 'models.a.provider: must be a string, not an array'],
    [
      { models: { scripted: model } },
      'models.scripted.provider: the name "scripted" is reserved for the built-in model. Give the entry another name',
    ],
    [
      { models: { a: { ...openai, baseURL: 'https://ada@host' } } },
      'models.a.baseURL: must not contain a user name or a password. Use apiKeyEnv or headers',
    ],
    [
      { models: { a: { ...openai, baseURL: 'nowhere' } } },
      'models.a.baseURL: must be an http or https URL, not "nowhere"',
    ],
    [
      { tracing: { endpoint: 'https://ada@host' } },
      'tracing.endpoint: must not contain a user name or a password. Set the environment variable OTEL_EXPORTER_OTLP_HEADERS instead',
    ],
    [
      { tracing: { endpoint: 'https://:secret@host' } },
      'tracing.endpoint: must not contain a user name or a password. Set the environment variable OTEL_EXPORTER_OTLP_HEADERS instead',
    ],
    [{ tracing: { endpoint: 'nowhere' } }, 'tracing.endpoint: must be an http or https URL, not "nowhere"'],
    [{ policyFile: [] }, 'policyFile: must be a string, not an array'],
    [[], 'must be an object, not an array'],
  ])('%j', (file, problem) => {
    expect(problemsOf(file, { OPENAI_API_KEY: 'k' })).toEqual([`./runtape.config.json: ${problem}`]);
  });

  test('a value with a reference that is no variable name has no further problems', () => {
    expect(problemsOf({ mcpServers: { a: { url: '$' + '{SERVER URL}' } } })).toEqual([
      expect.stringMatching(/mcpServers\.a\.url: \$\{SERVER URL\} does not name an environment variable/),
    ]);
  });

  test('a value that can be a credential is not shown', () => {
    const secret = 'sk-secret';
    const files = [
      { models: { a: { ...model, headers: { Authorization: { key: secret } } } } },
      { models: { a: { ...model, provider: 'openai', baseURL: `https://ada:${secret}@host` } } },
      { mcpServers: { a: { url: `ws://ada:${secret}@host` } } },
      { mcpServers: { a: { command: 'a', args: `--key=${secret}` } } },
      { mcpServers: { a: { command: 'a', env: secret } } },
      { auth: { mode: 'tokens', tokens: [{ sha256: secret, principal: 'ada', scopes: ['read'] }] } },
      { auth: { mode: 'jwt', issuer: 'i', audience: 'a', publicKey: secret } },
    ];
    for (const file of files) {
      const problems = problemsOf(file);
      expect(problems).toHaveLength(1);
      expect(problems[0]).not.toContain(secret);
    }
  });

  test('a value from the environment is shown as it is written in the file', () => {
    const file = { mcpServers: { a: { url: '$' + '{SERVER_URL}' } } };
    expect(problemsOf(file, { SERVER_URL: 'no-url-but-secret' })).toEqual([
      './runtape.config.json: mcpServers.a.url: must be an http or https URL, not "$' + '{SERVER_URL}"',
    ]);
  });
});

describe('a problem in the environment is one line with the variable, the value and the correction', () => {
  test.each<[string, string, string]>([
    ['PORT', 'http', 'must be a whole number from 0 to 65535, not "http"'],
    ['PORT', '65536', 'must be a whole number from 0 to 65535, not "65536"'],
    ['PORT', '1.5', 'must be a whole number from 0 to 65535, not "1.5"'],
    ['RUNTAPE_MAX_CONCURRENT_RUNS', '0', 'must be a whole number from 1 to 10000, not "0"'],
    ['RUNTAPE_DURABILITY', 'some', 'must be "full" or "normal", not "some"'],
    ['RUNTAPE_PREPARED_STATEMENTS', 'no', 'must be "on" or "off", not "no"'],
    ['RUNTAPE_NOTIFY', 'yes', 'must be "on" or "off", not "yes"'],
    [
      'DATABASE_URL',
      'mysql://root:secret@host/db',
      'must begin with "file:" or "postgres://", not "mysql:", for example file:./data/runtape.db or postgres://user:password@host:5432/runtape',
    ],
    [
      'DATABASE_URL',
      './c:/runtape.db',
      'must begin with "file:" or "postgres://", for example file:./data/runtape.db or postgres://user:password@host:5432/runtape',
    ],
  ])('%s=%s', (name, value, problem) => {
    expect(problemsOf({}, { [name]: value })).toEqual([`${name}: ${problem}`]);
  });
});

test('what can be switched off is on by default', () => {
  const switches = (environment: Record<string, string>) => {
    const outcome = readConfiguration(environment, () => null);
    if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
    const { preparedStatements, notify } = outcome.configuration;
    return { preparedStatements, notify };
  };
  expect(switches({})).toEqual({ preparedStatements: true, notify: true });
  expect(switches({ RUNTAPE_PREPARED_STATEMENTS: 'off' })).toEqual({ preparedStatements: false, notify: true });
  expect(switches({ RUNTAPE_NOTIFY: 'off' })).toEqual({ preparedStatements: true, notify: false });
});

test('RUNTAPE_CONFIG names another file', () => {
  const outcome = readConfiguration({ RUNTAPE_CONFIG: './other.json' }, (path) => JSON.stringify({ policyFile: path }));
  expect(outcome).toMatchObject({
    ok: true,
    configuration: { configurationPath: './other.json', file: { policyFile: './other.json' } },
  });
});

test('all problems of the environment and the file are reported at once', () => {
  const file = {
    defaultModel: 'none',
    approvals: { separateApprover: true },
    mcpServers: { a: { command: '$' + '{THE SERVER}' } },
  };
  expect(problemsOf(file, { PORT: 'http', LOG_LEVEL: 'loud', HOST: '0.0.0.0' })).toEqual([
    expect.stringMatching(/^PORT: /),
    expect.stringMatching(/^LOG_LEVEL: must be "fatal", .* or "silent", not "loud"$/),
    expect.stringMatching(/^\.\/runtape\.config\.json: mcpServers\.a\.command: /),
    expect.stringMatching(/^\.\/runtape\.config\.json: defaultModel: /),
    expect.stringMatching(/^\.\/runtape\.config\.json: auth\.mode: /),
    expect.stringMatching(/^\.\/runtape\.config\.json: approvals\.separateApprover: /),
  ]);
});

test('names of models, API keys and access are checked even if another part of the file is wrong', () => {
  const file = {
    defaultModel: 'locl',
    models: {
      local: { provider: 'openai-compatible', model: 'm' },
      claude: { provider: 'anthropic', model: 'm', apiKeyEnv: 'UNSET', fallbacks: ['gone'] },
    },
    limits: { maxSteps: 0 },
    approvals: { separateApprover: true },
  };
  expect(problemsOf(file, { HOST: '0.0.0.0' })).toEqual([
    expect.stringContaining('models.local.baseURL: is missing'),
    expect.stringContaining('limits.maxSteps: must be greater than 0'),
    expect.stringContaining('defaultModel: there is no model "locl". Configured models: scripted, local, claude'),
    expect.stringContaining('models.claude.apiKeyEnv: the environment variable UNSET is not set'),
    expect.stringContaining('models.claude.fallbacks.0: there is no model "gone"'),
    expect.stringContaining('auth.mode: authentication is off'),
    expect.stringContaining('approvals.separateApprover: needs a second principal'),
  ]);
});

describe('a file that cannot be used', () => {
  const read = (environment: Record<string, string>, readFile: () => string | null) => {
    const outcome = readConfiguration(environment, readFile);
    return outcome.ok ? [] : outcome.problems;
  };

  test('is reported if it is not JSON, cannot be read, or is named and missing', () => {
    expect(read({}, () => '{ "models": }')).toEqual([
      expect.stringMatching(/^\.\/runtape\.config\.json is not valid JSON: /),
    ]);
    const fail = () => {
      throw new Error('EACCES: permission denied');
    };
    expect(read({}, fail)).toEqual([
      './runtape.config.json cannot be read: EACCES: permission denied. Check the path and its permissions',
    ]);
    expect(read({ RUNTAPE_CONFIG: './missing.json' }, () => null)).toEqual([
      'RUNTAPE_CONFIG: the file ./missing.json does not exist. Correct the path, or unset the variable to use ./runtape.config.json',
    ]);
  });

  test('is optional if RUNTAPE_CONFIG does not name it', () => {
    expect(read({}, () => null)).toEqual([]);
  });
});
