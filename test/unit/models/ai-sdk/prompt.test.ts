import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { promptOf } from '../../../../src/models/ai-sdk/prompt.ts';
import type { ModelRequest } from '../../../../src/models/model.ts';

const promptFor = (request: Partial<ModelRequest>) =>
  promptOf({ instructions: '', messages: [], tools: [], ...request }, 'mine');
const user = (text: string): ModelRequest['messages'][number] => ({ role: 'user', text });
const result = (callId: string, ok = true): ModelRequest['messages'][number] => ({
  role: 'tool',
  callId,
  tool: 'clock',
  text: `result of ${callId}`,
  ok,
});

describe('promptOf', () => {
  it('puts instructions first, and omits empty fields', () => {
    expect(promptFor({ messages: [user('hello')] })).toEqual({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    });
    expect(promptFor({ instructions: 'Be kind.' }).prompt).toEqual([{ role: 'system', content: 'Be kind.' }]);
  });

  it('contains the tools', () => {
    const inputSchema = { type: 'object', properties: {} };
    expect(promptFor({ tools: [{ name: 'clock', description: 'Tells the time.', inputSchema }] }).tools).toEqual([
      { type: 'function', name: 'clock', description: 'Tells the time.', inputSchema },
    ]);
  });

  it('puts the results of one assistant message into one message, and marks failures', () => {
    const calls = [
      { callId: 'a', tool: 'clock', input: { zone: 'UTC' } },
      { callId: 'b', tool: 'no such tool!', input: 'malformed' },
    ];
    const { prompt } = promptFor({
      messages: [user('hello'), { role: 'assistant', text: ' ', calls }, result('a'), result('b', false)],
    });
    expect(prompt.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'tool-call', toolCallId: 'a', toolName: 'clock', input: { zone: 'UTC' } },
          { type: 'tool-call', toolCallId: 'b', toolName: 'no_such_tool_', input: { malformed: 'malformed' } },
        ],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'a', toolName: 'clock', output: { type: 'text', value: 'result of a' } },
          {
            type: 'tool-result',
            toolCallId: 'b',
            toolName: 'clock',
            output: { type: 'error-text', value: 'result of b' },
          },
        ],
      },
    ]);
  });

  it('sends provider state to the model that it came from, and to no other', () => {
    const calls = [{ callId: 'a', tool: 'clock', input: {} }];
    const metadata = { anthropic: { signature: 'signed' } };
    const state = { thoughts: [{ text: 'Hm.', metadata }], ofCalls: [{ google: { thoughtSignature: 'too' } }] };
    const contentFor = (model: string, kept: Json = state) => {
      const message = { role: 'assistant' as const, text: '', calls, kept: { model, state: kept } };
      return promptFor({ messages: [user('hello'), message] }).prompt[1]?.content;
    };
    expect(contentFor('mine')).toMatchObject([
      { type: 'reasoning', text: 'Hm.', providerOptions: metadata },
      { type: 'tool-call', toolCallId: 'a', providerOptions: { google: { thoughtSignature: 'too' } } },
    ]);
    const withoutState = [{ type: 'tool-call', toolCallId: 'a', toolName: 'clock', input: {} }];
    expect([contentFor('other'), contentFor('mine', 'invalid')]).toEqual([withoutState, withoutState]);
  });

  it('omits empty messages, and begins with a user message', () => {
    const { prompt } = promptFor({
      messages: [
        { role: 'assistant', text: 'Well.', calls: [] },
        { role: 'assistant', text: '', calls: [] },
        user('hello'),
      ],
    });
    expect(prompt.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });

  it('has the files of a message as parts, and the output schema as the response format', () => {
    const bytes = new Uint8Array([1]);
    const parts = [
      { type: 'text' as const, text: 'look' },
      { type: 'file' as const, name: 'a.png', mediaType: 'image/png', bytes },
    ];
    const schema = { type: 'object' };
    expect(promptFor({ messages: [{ role: 'user', text: 'look', parts }], outputSchema: schema })).toEqual({
      prompt: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'file', filename: 'a.png', mediaType: 'image/png', data: bytes },
          ],
        },
      ],
      responseFormat: { type: 'json', name: 'result', schema },
    });
  });
});
