import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { callOutput } from '../../../../src/tools/mcp/call-output.ts';
import { schemaChecker } from './fake-server.ts';

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

  test('is text if there is only text, and empty without content', async () => {
    expect(await output({ content: [text, { ...text, text: 'world' }] })).toBe('hello\nworld');
    expect(await output({})).toBe('');
  });

  test('is the structured content without the text that repeats it, but with images', async () => {
    expect(await output({ content: [text], structuredContent: { a: 1 } })).toEqual({ a: 1 });
    expect(await output({ content: [text, image], structuredContent: { a: 1 } })).toEqual({
      structured: { a: 1 },
      content: [imageNote],
    });
  });

  test('keeps the type of other blocks, and notes the type and size of media instead of their base64', async () => {
    const content: CallToolResult['content'] = [
      { ...text, annotations: { audience: ['user'] } },
      image,
      { type: 'audio', data: 'AAEC', mimeType: 'audio/wav' },
      { type: 'resource', resource: { uri: 'file:///a', text: 'a' } },
      { type: 'resource', resource: { uri: 'file:///b', blob: 'AAEC', mimeType: 'application/gzip' } },
      { type: 'resource_link', uri: 'file:///c', name: 'c' },
    ];
    expect(await output({ content })).toEqual([
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

  test('is an error if the structured content does not match the output schema, or is missing', async () => {
    const check = await schemaChecker.forParty()(
      { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
      'output',
    );
    expect(await callOutput({ content: [], structuredContent: { a: 1 } }, check)).toEqual({ a: 1 });
    for (const [result, problem] of [
      [{ structuredContent: { a: 'x' } }, 'output/a must be integer'],
      [{}, 'output must be object'],
    ] as const) {
      await expect(callOutput({ content: [text], ...result }, check)).rejects.toThrow(
        `The call was executed, but its result cannot be used. It does not match the output schema of the tool: ${problem}.`,
      );
    }
    await expect(callOutput({ content: [text], isError: true }, check)).rejects.toThrow(/^hello$/);
  });

  test('is an error with the message of the server', async () => {
    await expect(output({ isError: true, content: [text] })).rejects.toThrow(/^hello$/);
    await expect(output({ isError: true, structuredContent: { code: 7 } })).rejects.toThrow('{"code":7}');
    await expect(output({ isError: true })).rejects.toThrow('The tool failed without a message.');
  });
});
