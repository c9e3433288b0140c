import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import type { ModelRequest } from '../../../../src/models/model.ts';
import { completionBody } from '../../../../src/models/openai-compatible/completion-request.ts';
import { endpointOf } from '../../../../src/models/openai-compatible/connection.ts';

function bodyOf(
  request: Partial<ModelRequest>,
  maxOutputTokens: number | null = null,
  options: Record<string, Json> = {},
): unknown {
  const whole = { instructions: '', messages: [], tools: [], ...request };
  return JSON.parse(completionBody({ model: 'small', maxOutputTokens, options }, whole));
}

describe('completionBody', () => {
  it('requests a stream with usage, and omits empty fields', () => {
    expect(bodyOf({ messages: [{ role: 'user', text: 'hello' }] })).toEqual({
      model: 'small',
      messages: [{ role: 'user', content: 'hello' }],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('has the parts of a message with files, with their bytes as data URLs', () => {
    const bytes = new Uint8Array([1, 2, 255]);
    const parts = [
      { type: 'text' as const, text: 'look' },
      { type: 'file' as const, name: 'a.png', mediaType: 'image/png', bytes },
      { type: 'file' as const, name: 'b.pdf', mediaType: 'application/pdf', bytes },
    ];
    expect(bodyOf({ messages: [{ role: 'user', text: 'look', parts }] })).toMatchObject({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AQL/' } },
            { type: 'file', file: { filename: 'b.pdf', file_data: 'data:application/pdf;base64,AQL/' } },
          ],
        },
      ],
    });
  });

  it('has the output schema as the response format, which options cannot replace', () => {
    const schema = { type: 'object' };
    expect(bodyOf({ outputSchema: schema }, null, { response_format: { type: 'text' } })).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'result', schema } },
    });
    expect(bodyOf({}, null, { response_format: { type: 'text' } })).toMatchObject({
      response_format: { type: 'text' },
    });
  });

  it('puts instructions first, and contains the tools', () => {
    const inputSchema = { type: 'object', properties: {} };
    const tools = [{ name: 'clock', description: 'Tells the time.', inputSchema }];
    expect(bodyOf({ instructions: 'Be kind.', tools }, 100)).toMatchObject({
      messages: [{ role: 'system', content: 'Be kind.' }],
      max_tokens: 100,
      tools: [
        { type: 'function', function: { name: 'clock', description: 'Tells the time.', parameters: inputSchema } },
      ],
    });
  });

  it('takes additional fields, which cannot replace the required ones', () => {
    const options = { temperature: 0.2, stream_options: null, stream: false, messages: [], model: 'other' };
    expect(bodyOf({ messages: [{ role: 'user', text: 'hello' }] }, 5, options)).toEqual({
      model: 'small',
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: 5,
      temperature: 0.2,
      stream: true,
    });
  });

  it('contains calls with their results, and marks failures', () => {
    const calls = [
      { callId: 'a', tool: 'clock', input: {} },
      { callId: 'b', tool: 'fetch', input: '{"url": ' },
    ];
    const messages: ModelRequest['messages'] = [
      { role: 'assistant', text: '', calls },
      { role: 'tool', callId: 'a', tool: 'clock', ok: true, text: 'noon' },
      { role: 'tool', callId: 'b', tool: 'fetch', ok: false, text: 'Not JSON.' },
      { role: 'assistant', text: '', calls: [] },
      { role: 'assistant', text: 'Well.', calls: [] },
    ];
    expect(bodyOf({ messages })).toMatchObject({
      messages: [
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'clock', arguments: '{}' } },
            { id: 'b', type: 'function', function: { name: 'fetch', arguments: '{"malformed":"{\\"url\\": "}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'noon' },
        { role: 'tool', tool_call_id: 'b', content: 'Error: Not JSON.' },
        { role: 'assistant', content: 'Well.' },
      ],
    });
  });
});

describe('endpointOf', () => {
  it('appends the path to any form of address', () => {
    const addressOf = (baseURL: string) => endpointOf({ baseURL, apiKey: null }, 'chat/completions').url.href;
    expect(addressOf('http://host/v1')).toBe('http://host/v1/chat/completions');
    expect(addressOf('http://host/v1/')).toBe('http://host/v1/chat/completions');
    expect(addressOf('https://host/x?api-version=1')).toBe('https://host/x/chat/completions?api-version=1');
  });

  it('moves user and password into a header', () => {
    const { url, headers, secrets } = endpointOf(
      { baseURL: 'http://ada:pa%20ss@host/v1', apiKey: null },
      'chat/completions',
    );
    expect(url.href).toBe('http://host/v1/chat/completions');
    expect(headers.authorization).toBe(`Basic ${Buffer.from('ada:pa ss').toString('base64')}`);
    expect(secrets).toContain('pa ss');
  });

  it('sends the key, and lets additional headers replace the defaults', () => {
    const additional = { 'User-Agent': 'mine', 'X-Secret': 'a-long-secret' };
    const { headers, secrets } = endpointOf(
      { baseURL: 'http://host', apiKey: 'key', headers: additional },
      'embeddings',
    );
    expect(headers).toMatchObject({ authorization: 'Bearer key', 'user-agent': 'mine', 'x-secret': 'a-long-secret' });
    expect(secrets).toEqual(['key', 'host', 'a-long-secret']);
  });
});
