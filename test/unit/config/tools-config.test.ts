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
  test('take the form that users know', () => {
    const { servers } = read({
      mcpServers: {
        local: { command: 'npx', args: ['-y', 'some-server'], env: { KEY: 'value' }, cwd: '/tmp' },
        remote: { type: 'http', url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } },
        least: { command: 'server' },
      },
    });
    const ours = { disabled: false, timeoutSeconds: 60, tools: {} };
    expect(servers).toEqual({
      local: {
        ...ours,
        reach: { kind: 'stdio', command: 'npx', args: ['-y', 'some-server'], env: { KEY: 'value' }, cwd: '/tmp' },
      },
      remote: {
        ...ours,
        reach: { kind: 'http', url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } },
      },
      least: { ...ours, reach: { kind: 'stdio', command: 'server', args: [], env: {}, cwd: null } },
    });
  });

  test('take what is ours beside it', () => {
    const entry = { command: 'server', timeoutSeconds: 5, disabled: true, tools: { echo: { risk: 'LOW' } } };
    expect(read({ mcpServers: { tickets: entry } }).servers.tickets).toMatchObject({
      disabled: true,
      timeoutSeconds: 5,
      tools: { echo: { risk: 'LOW', enabled: true } },
    });
  });

  test('are filled in from the environment', () => {
    const entry = {
      command: '$' + '{HOME}/server',
      args: ['--key=$' + '{KEY}', '$' + '{KEY}$' + '{KEY}'],
      env: { A: '$KEY' },
    };
    expect(
      read({ mcpServers: { tickets: entry } }, { HOME: '/home/ada', KEY: 'k' }).servers.tickets?.reach,
    ).toMatchObject({
      command: '/home/ada/server',
      args: ['--key=k', 'kk'],
      env: { A: '$KEY' },
    });
  });

  const remote = (token: string) => ({ url: 'http://localhost/mcp', headers: { Authorization: `Bearer ${token}` } });

  test.each<[what: string, entry: unknown, problem: RegExp]>([
    [
      'a variable that is not set',
      remote('$' + '{TOKEN}'),
      /tickets\.headers\.Authorization: .*variable TOKEN is not set/,
    ],
    ['a reference that is none', remote('$' + '{MY TOKEN}'), /is not the name of a variable: write \$\{NAME\}/],
    ['neither command nor url', {}, /tickets: Needs "command", .* or "url"/],
    ['both', { command: 'a', url: 'http://b' }, /Has both "command" and "url"/],
    ['the older SSE', { type: 'sse', url: 'http://b' }, /older SSE transport is not supported/],
    ['an address that is none', { url: 'ws://b' }, /tickets\.url: Must be an http or https address/],
    [
      'a header that is none',
      { url: 'http://b', headers: { 'a b': 'c' } },
      /tickets\.headers: Must be names and values/,
    ],
    ['a key that nobody knows', { command: 'a', arguments: [] }, /tickets: Unrecognized key: "arguments"/],
    ['a risk that there is not', { command: 'a', tools: { b: { risk: 'SOME' } } }, /tickets\.tools\.b\.risk: /],
    ['a time-out beyond all bounds', { command: 'a', timeoutSeconds: 1e6 }, /tickets\.timeoutSeconds: /],
    ['a list', [], /tickets: Must be an object/],
  ])('%s is said with its place', (_, entry, problem) => {
    expect(problemsOf(entry)).toEqual([expect.stringMatching(problem)]);
  });

  test('that are disabled need no variables', () => {
    expect(problemsOf({ ...remote('$' + '{TOKEN}'), disabled: true })).toEqual([]);
  });

  test('may not take the name of the built-in tools', () => {
    expect(read({ mcpServers: { builtin: { command: 'a' } } }).problems).toEqual([expect.stringContaining('builtin')]);
  });

  test('are no list', () => {
    expect(read({ mcpServers: [] }).problems).toHaveLength(1);
  });
});

test('files takes a folder', () => {
  expect(read({ files: { root: './workspace' } }).files).toEqual({ root: './workspace' });
  expect(read({ files: {} }).problems).toEqual([expect.stringContaining('files.root')]);
});
