import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { compileSchema } from '../../../../src/tools/json-schema.ts';
import { callOutput } from '../../../../src/tools/mcp/call-output.ts';

describe('the output of a call', () => {
  const output = (result: Partial<CallToolResult>) => callOutput({ content: [], ...result }, null);
  const text = { type: 'text' as const, text: 'hello' };
  const imageNote = {
    type: 'image',
    mimeType: 'image/png',
    bytes: 3,
    note: 'image/png of 3 bytes, which is not shown',
  };
  const image = { type: 'image' as const, data: 'AAEC', mimeType: 'image/png' };

  test('is text if there is only text, and empty without content', () => {
    expect(output({ content: [text, { ...text, text: 'world' }] })).toBe('hello\nworld');
    expect(output({})).toBe('');
  });

  test('is the structured content without the text that repeats it, but with images', () => {
    expect(output({ content: [text], structuredContent: { a: 1 } })).toEqual({ a: 1 });
    expect(output({ content: [text, image], structuredContent: { a: 1 } })).toEqual({
      structured: { a: 1 },
      content: [imageNote],
    });
  });

  test('keeps the type of other blocks, and notes the type and size of media instead of their base64', () => {
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
      imageNote,
      { type: 'audio', mimeType: 'audio/wav', bytes: 3, note: 'audio/wav of 3 bytes, which is not shown' },
      { type: 'resource', uri: 'file:///a', mimeType: null, text: 'a' },
      {
        type: 'resource',
        uri: 'file:///b',
        mimeType: 'application/gzip',
        bytes: 3,
        note: 'application/gzip of 3 bytes, which is not shown',
      },
      { type: 'resource_link', uri: 'file:///c', name: 'c', mimeType: null },
    ]);
  });

  test('is an error if the structured content does not match the output schema, or is missing', () => {
    const check = compileSchema({ type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }, 'output');
    expect(callOutput({ content: [], structuredContent: { a: 1 } }, check)).toEqual({ a: 1 });
    for (const [result, problem] of [
      [{ structuredContent: { a: 'x' } }, 'output/a must be integer'],
      [{}, 'output must be object'],
    ] as const) {
      expect(() => callOutput({ content: [text], ...result }, check)).toThrow(
        `The call was executed, but its result cannot be used. It does not match the output schema of the tool: ${problem}.`,
      );
    }
    expect(() => callOutput({ content: [text], isError: true }, check)).toThrow(/^hello$/);
  });

  test('is an error with the message of the server', () => {
    expect(() => output({ isError: true, content: [text] })).toThrow(/^hello$/);
    expect(() => output({ isError: true, structuredContent: { code: 7 } })).toThrow('{"code":7}');
    expect(() => output({ isError: true })).toThrow('The tool failed without a message.');
  });
});
