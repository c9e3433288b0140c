import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

function read(file: unknown, environment: Record<string, string> = {}) {
  const outcome = readConfiguration(environment, () => JSON.stringify(file));
  const { mcpServers = {}, files } = outcome.ok ? outcome.configuration.file : {};
  return { servers: mcpServers, files, problems: outcome.ok ? [] : outcome.problems };
}

const problemsOf = (entry: unknown, environment?: Record<string, string>) =>
  read({ mcpServers: { tickets: entry } }, environment).problems;

describe('mcpServers', () => {
  test('accept the form that other MCP clients use', () => {
    const { servers } = read({
      mcpServers: {
        local: { command: 'npx', args: ['-y', 'some-server'], env: { KEY: 'value' }, cwd: '/tmp' },
        remote: { type: 'http', url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } },
        minimal: { command: 'server' },
      },
    });
    const defaults = { disabled: false, problem: null, timeoutSeconds: 60, elicitation: false, tools: {} };
    expect(servers).toEqual({
      local: {
        ...defaults,
        transport: { kind: 'stdio', command: 'npx', args: ['-y', 'some-server'], env: { KEY: 'value' }, cwd: '/tmp' },
      },
      remote: {
        ...defaults,
        transport: { kind: 'http', url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } },
      },
      minimal: { ...defaults, transport: { kind: 'stdio', command: 'server', args: [], env: {}, cwd: null } },
    });
  });

  test('accept keys of Runtape in addition', () => {
    const entry = { command: 'server', timeoutSeconds: 5, disabled: true, tools: { echo: { risk: 'LOW' } } };
    expect(read({ mcpServers: { tickets: entry } }).servers.tickets).toMatchObject({
      disabled: true,
      timeoutSeconds: 5,
      tools: { echo: { risk: 'LOW', enabled: true } },
    });
  });

  test('contain environment variables', () => {
    const entry = {
      command: '$' + '{HOME}/server',
      args: ['--key=$' + '{KEY}', '$' + '{KEY}$' + '{KEY}'],
      env: { A: '$KEY' },
    };
    expect(
      read({ mcpServers: { tickets: entry } }, { HOME: '/home/ada', KEY: 'k' }).servers.tickets?.transport,
    ).toMatchObject({
      command: '/home/ada/server',
      args: ['--key=k', 'kk'],
      env: { A: '$KEY' },
    });
  });

  const remote = (token: string) => ({ url: 'http://localhost/mcp', headers: { Authorization: `Bearer ${token}` } });

  test.each<[what: string, entry: unknown, problem: RegExp]>([
    [
      'a reference that is not a variable name',
      remote('$' + '{MY TOKEN}'),
      /\$\{MY TOKEN\} does not name an environment variable\. Write \$\{NAME\}/,
    ],
    ['neither command nor url', {}, /tickets: has neither "command", .* nor "url"/],
    ['both', { command: 'a', url: 'http://b' }, /tickets: has both "command" and "url"\. Remove one/],
    ['the older SSE', { type: 'sse', url: 'http://b' }, /tickets: the SSE transport is not supported\. Use/],
    ['another protocol', { url: 'ws://b' }, /tickets\.url: must be an http or https URL, not "ws:\/\/b"/],
    [
      'an invalid header',
      { url: 'http://b', headers: { 'a b': 'c' } },
      /tickets\.headers: must be an object of header names and values/,
    ],
    [
      'an unknown key',
      { command: 'a', arguments: [] },
      /tickets: unknown key "arguments"\. Allowed keys: type, command, args, /,
    ],
    [
      'an unknown risk',
      { command: 'a', tools: { b: { risk: 'SOME' } } },
      /tickets\.tools\.b\.risk: must be "LOW", .*"CRITICAL", not "SOME"/,
    ],
    [
      'a timeout above the maximum',
      { command: 'a', timeoutSeconds: 1e6 },
      /tickets\.timeoutSeconds: must be at most 3600, not 1000000/,
    ],
    ['an array', [], /tickets: must be an object with "command" or "url", not an array/],
    ['a text', 'server', /tickets: must be an object with "command" or "url", not "server"/],
    ['null', null, /tickets: must be an object with "command" or "url", not null/],
    ['null as a text', { command: 'a', cwd: null }, /tickets\.cwd: must be a string, not null/],
  ])('%s is reported with its path', (_, entry, problem) => {
    expect(problemsOf(entry)).toEqual([expect.stringMatching(problem)]);
  });

  test('with variables that are not set have a problem, and are not checked further', () => {
    const unset = '$' + '{TOKEN}';
    const file = {
      mcpServers: { tickets: { url: unset, headers: { a: unset, b: '$' + '{OTHER}' } }, files: { command: 'a' } },
    };
    const { servers, problems } = read(file);
    expect(problems).toEqual([]);
    expect(servers).toMatchObject({
      tickets: {
        problem: 'The environment variables TOKEN, OTHER are not set. Set them and restart the gateway.',
        transport: null,
      },
      files: { problem: null, transport: { kind: 'stdio' } },
    });
  });

  test('with one variable that is not set, or is empty, have a problem in the singular', () => {
    const { servers } = read({ mcpServers: { tickets: remote('$' + '{TOKEN}') } }, { TOKEN: '' });
    expect(servers.tickets?.problem).toBe('The environment variable TOKEN is not set. Set it and restart the gateway.');
  });

  test('do not need their variables if they are disabled', () => {
    const problemWith = (entry: object) =>
      read({ mcpServers: { tickets: { ...remote('$' + '{TOKEN}'), ...entry } } }).servers.tickets?.problem;
    expect(problemWith({ disabled: true })).toBeNull();
    expect(problemWith({ disabled: false })).toContain('TOKEN is not set');
  });

  test('with a reference that is no name are refused, and their unset variables are reported as well', () => {
    const args = ['$' + '{MY TOKEN}', '$' + '{TOKEN}'];
    expect(problemsOf({ command: 'a', args })).toEqual([
      expect.stringContaining('tickets.args.0: $' + '{MY TOKEN} does not name an environment variable'),
      expect.stringContaining(
        'tickets.args.1: the environment variable TOKEN is not set. Set it, or disable the server',
      ),
    ]);
  });

  test('cannot have the name of the built-in tools or of those of clients', () => {
    expect(read({ mcpServers: { builtin: { command: 'a' } } }).problems).toEqual([
      expect.stringMatching(/mcpServers\.builtin: invalid name: "builtin" is reserved for the built-in tools/),
    ]);
    expect(read({ mcpServers: { client: { command: 'a' } } }).problems).toEqual([
      expect.stringMatching(/mcpServers\.client: invalid name: "client" is reserved for the tools of clients/),
    ]);
  });

  test('cannot be an array', () => {
    expect(read({ mcpServers: [] }).problems).toEqual([
      expect.stringMatching(/mcpServers: must be an object, not an array/),
    ]);
  });
});

test('files.root is a folder', () => {
  expect(read({ files: { root: './workspace' } }).files).toEqual({ root: './workspace' });
  expect(read({ files: {} }).problems).toEqual([
    expect.stringMatching(/files\.root: is missing\. It must be a string/),
  ]);
});
