import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { callOutput } from '../../../../src/tools/mcp/call-output.ts';

describe('the output of a call', () => {
  const output = (result: Partial<CallToolResult>) => callOutput({ content: [], ...result });
  const text = { type: 'text' as const, text: 'hello' };
  const image = { type: 'image' as const, data: 'AAEC', mimeType: 'image/png' };

  test('is text if there is only text, and empty without content', () => {
    expect(output({ content: [text, { ...text, text: 'world' }] })).toBe('hello\nworld');
    expect(output({})).toBe('');
  });

  test('is the structured content without the text that repeats it, but with images', () => {
    expect(output({ content: [text], structuredContent: { a: 1 } })).toEqual({ a: 1 });
    expect(output({ content: [text, image], structuredContent: { a: 1 } })).toEqual({
      structured: { a: 1 },
      content: [image],
    });
  });

  test('keeps the type of other blocks, and bytes as base64', () => {
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

  test('is an error with the message of the server', () => {
    expect(() => output({ isError: true, content: [text] })).toThrow(/^hello$/);
    expect(() => output({ isError: true, structuredContent: { code: 7 } })).toThrow('{"code":7}');
    expect(() => output({ isError: true })).toThrow('The tool failed without a message.');
  });
});
