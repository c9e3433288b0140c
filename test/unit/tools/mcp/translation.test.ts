import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callOutput } from '../../../../src/tools/mcp/call-output.ts';
import { createStderrLines } from '../../../../src/tools/mcp/channel/stderr-lines.ts';
import { compileInputCheck } from '../../../../src/tools/mcp/input-check.ts';
import { mayBeToolOf, toolName } from '../../../../src/tools/mcp/tool-names.ts';
import { toolTraits } from '../../../../src/tools/mcp/tool-traits.ts';
import { createFakeClock } from '../../fake-clock.ts';

describe('names of tools', () => {
  test.each([
    ['files', 'read_file', 'files__read_file'],
    ['my server', 'read', 'my_server__read_bb46d4bc'],
    ['files', 'tickets.list', 'files__tickets_list_1cc7588d'],
    ['a', 'b__c', 'a__b__c'],
    ['a__b', 'c', 'a__b__c_528239e9'],
  ])('of server %j the tool %j is %j, after every start', (server, tool, name) => {
    expect(toolName(server, tool)).toBe(name);
  });

  const anyName = fc.oneof(
    fc.string({ minLength: 1, maxLength: 80, unit: fc.constantFrom('a', 'B', '_', '-', '.', ' ', 'ü') }),
    fc.constantFrom('a', 'a_', 'a__b', '_b', 'b'),
  );

  test('are legal, differ where server or tool do, and tell whose they are', () => {
    fc.assert(
      fc.property(anyName, anyName, anyName, anyName, (server, tool, otherServer, otherTool) => {
        const name = toolName(server, tool);
        expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(mayBeToolOf(server, name)).toBe(true);
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
  ] as const)('%j gives %s', (hints, risk, idempotent) => {
    expect(toolTraits(hints)).toMatchObject({ risk, idempotent });
  });

  test('are what the configuration says, where it says something', () => {
    const hints = { readOnlyHint: true };
    expect(toolTraits(hints, { risk: 'CRITICAL' })).toMatchObject({ risk: 'CRITICAL', idempotent: true });
    expect(toolTraits(hints, { idempotent: false })).toMatchObject({ risk: 'LOW', idempotent: false });
  });
});

describe('results', () => {
  const output = (result: Partial<CallToolResult>) => callOutput({ content: [], ...result });
  const text = { type: 'text' as const, text: 'hello' };
  const image = { type: 'image' as const, data: 'AAEC', mimeType: 'image/png' };

  test('text is text, and nothing is empty text', () => {
    expect(output({ content: [text, { ...text, text: 'world' }] })).toBe('hello\nworld');
    expect(output({})).toBe('');
  });

  test('what is structured comes before the text that repeats it, and not before an image', () => {
    expect(output({ content: [text], structuredContent: { a: 1 } })).toEqual({ a: 1 });
    expect(output({ content: [text, image], structuredContent: { a: 1 } })).toEqual({
      structured: { a: 1 },
      content: [image],
    });
  });

  test('everything else keeps its type, and bytes stay base64', () => {
    const content: CallToolResult['content'] = [
      { ...text, annotations: { audience: ['user'] } },
      image,
      { type: 'audio', data: 'AAEC', mimeType: 'audio/wav' },
      { type: 'resource', resource: { uri: 'file:///a', text: 'a' } },
      { type: 'resource', resource: { uri: 'file:///b', blob: 'AAEC', mimeType: 'application/gzip' } },
      { type: 'resource_link', uri: 'file:///c', name: 'c' },
    ];
    expect(output({ content })).toEqual([
      text,
      image,
      { type: 'audio', data: 'AAEC', mimeType: 'audio/wav' },
      { type: 'resource', uri: 'file:///a', mimeType: null, text: 'a' },
      { type: 'resource', uri: 'file:///b', mimeType: 'application/gzip', data: 'AAEC' },
      { type: 'resource_link', uri: 'file:///c', name: 'c', mimeType: null },
    ]);
  });

  test('a failure throws what was said of it', () => {
    expect(() => output({ isError: true, content: [text] })).toThrow(/^hello$/);
    expect(() => output({ isError: true, structuredContent: { code: 7 } })).toThrow('{"code":7}');
    expect(() => output({ isError: true })).toThrow('The tool failed without saying why.');
  });
});

describe('B35: input', () => {
  test('is held against the schema, and everything that is wrong is said', () => {
    const check = compileInputCheck({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { id: { type: 'integer' }, when: { type: 'string', format: 'date' } },
      required: ['id'],
      additionalProperties: false,
    });
    expect(check({ id: 1, when: '2026-01-31' })).toEqual({ ok: true, input: { id: 1, when: '2026-01-31' } });
    expect(check({ when: 'tomorrow', data: 1 })).toEqual({
      ok: false,
      error: expect.stringMatching(
        /^Invalid input: .*required property 'id'.*additional properties.*input\/when.*date/,
      ),
    });
    expect(check('text')).toMatchObject({ error: 'Invalid input: input must be object.' });
  });
});

describe('stderr', () => {
  function lines() {
    const said: string[] = [];
    const clock = createFakeClock();
    return { said, clock, write: createStderrLines(clock, (line) => said.push(line)) };
  }

  test('is taken apart into lines, across chunks and characters', () => {
    const { said, write } = lines();
    const bytes = Buffer.from('Grüße\n\n  zwei\r\nrest');
    for (const byte of bytes) write(Buffer.from([byte]));
    expect(said).toEqual(['Grüße', '  zwei']);
  });

  test('does not flood the log: lines are cut, and only so many of a minute are kept', async () => {
    const { said, clock, write } = lines();
    write(Buffer.from(`${'x'.repeat(100_000)}\n`));
    expect(said[0]).toHaveLength(1000);
    write(Buffer.from('again\n'.repeat(10_000)));
    expect(said).toHaveLength(121);
    expect(said.at(-1)).toBe('[more lines than are kept of a minute]');
    await clock.advance(60_000);
    write(Buffer.from('later\n'));
    expect(said.at(-1)).toBe('later');
  });
});
