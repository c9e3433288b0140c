import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MCP_DESCRIPTION_CHARACTERS, MCP_FAILURE_CHARACTERS } from '../../../../src/config/limits.ts';
import type { Json } from '../../../../src/domain/events.ts';
import { describeFailure } from '../../../../src/tools/mcp/channel.ts';
import { canBeToolOf, createMcpTools, targetIn, toolName, toolProperties } from '../../../../src/tools/mcp/mcp-tool.ts';

describe('tool names', () => {
  test.each([
    ['files', 'read_file', 'files__read_file'],
    ['my server', 'read', 'my_server__read_bb46d4bc'],
    ['files', 'tickets.list', 'files__tickets_list_1cc7588d'],
    ['a', 'b__c', 'a__b__c'],
    ['a__b', 'c', 'a__b__c_528239e9'],
  ])('server %j, tool %j: %j', (server, tool, name) => {
    expect(toolName(server, tool)).toBe(name);
  });

  const anyName = fc.oneof(
    fc.string({ minLength: 1, maxLength: 80, unit: fc.constantFrom('a', 'B', '_', '-', '.', ' ', 'ü') }),
    fc.constantFrom('a', 'a_', 'a__b', '_b', 'b'),
  );

  test('are valid, are unique for each pair of server and tool, and show the server', () => {
    fc.assert(
      fc.property(anyName, anyName, anyName, anyName, (server, tool, otherServer, otherTool) => {
        const name = toolName(server, tool);
        expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(canBeToolOf(server, name)).toBe(true);
        if (server !== otherServer || tool !== otherTool) expect(toolName(otherServer, otherTool)).not.toBe(name);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('risk and idempotency', () => {
  test.each([
    [{}, 'HIGH', false],
    [{ readOnlyHint: true }, 'LOW', true],
    [{ readOnlyHint: true, destructiveHint: true }, 'LOW', true],
    [{ readOnlyHint: true, openWorldHint: false }, 'LOW', true],
    [{ readOnlyHint: true, openWorldHint: true }, 'MEDIUM', true],
    [{ destructiveHint: false }, 'MEDIUM', false],
    [{ destructiveHint: true, idempotentHint: true }, 'HIGH', true],
    [{ idempotentHint: true }, 'HIGH', true],
    [{ readOnlyHint: false, destructiveHint: false, idempotentHint: true }, 'MEDIUM', true],
  ] as const)('%j has the risk %s', (hints, risk, idempotent) => {
    expect(toolProperties(hints)).toMatchObject({ risk, idempotent });
  });

  test('are overridden by the configuration', () => {
    const hints = { readOnlyHint: true };
    expect(toolProperties(hints, { risk: 'CRITICAL' })).toMatchObject({ risk: 'CRITICAL', idempotent: true });
    expect(toolProperties(hints, { idempotent: false })).toMatchObject({ risk: 'LOW', idempotent: false });
  });
});

test('the description of a failure has no part of a credential', () => {
  const token = `ghp_${'a1B2'.repeat(9)}`;
  const told = (text: string) => describeFailure(new Error(`${text} ${token}`, { cause: new Error(token) }));
  expect(told('refused')).toBe('refused [masked github token] ([masked github token])');
  expect(told('x'.repeat(MCP_FAILURE_CHARACTERS - 20))).not.toContain('ghp_a');
  expect(describeFailure(`${'x'.repeat(MCP_FAILURE_CHARACTERS - 20)} ${token}`)).not.toContain('ghp_a');
});

test('a long description is cut between two characters', async () => {
  const config = { timeoutSeconds: 1, tools: {} };
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const compileSchema = async () => async () => null;
  const description = `${'x'.repeat(MCP_DESCRIPTION_CHARACTERS - 1)}😀`;
  const listed = { name: 'look', description, inputSchema: { type: 'object' as const } };
  const [tool] = await createMcpTools({ name: 'zoo', config, log, compileSchema }, [listed], async () => null);
  expect(tool?.description).toBe('x'.repeat(MCP_DESCRIPTION_CHARACTERS - 1));
});

test('the target of a call is the member of its input that the configuration names', () => {
  const target = targetIn('path');
  expect(target({ path: 'a/b', text: 'x' })).toEqual({ text: 'a/b', grantable: 'path: "a/b"' });
  // A number is another target than the same text, and another member is another target.
  expect(target({ path: 1 })?.grantable).not.toBe(target({ path: '1' })?.grantable);
  expect(targetIn('name')({ name: 'a/b' })?.grantable).not.toBe(target({ path: 'a/b' })?.grantable);
  const without: Json[] = [{}, { other: 'a' }, { path: null }, { path: ['a'] }, { path: {} }];
  for (const input of without) {
    expect(target(input)).toBeNull();
  }
  expect(targetIn('constructor')({})).toBeNull();
});
