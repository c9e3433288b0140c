import { describe, expect, it } from 'vitest';
import {
  acceptableToolName,
  asObject,
  requestedCalls,
  usedCallIds,
} from '../../../../src/models/provider/tool-calls.ts';

describe('the ids of calls', () => {
  it('that the request shows are those of its answers', () => {
    const calls = [
      { callId: 'a', tool: 't', input: {} },
      { callId: 'b', tool: 't', input: {} },
    ];
    const ids = usedCallIds({
      instructions: '',
      tools: [],
      messages: [
        { role: 'user', text: 'Hello' },
        { role: 'assistant', text: '', calls },
        { role: 'tool', callId: 'c', tool: 't', ok: true, text: '' },
      ],
    });
    expect([...ids]).toEqual(['a', 'b']);
  });

  it('are left out if the request or the response has them already', () => {
    const call = { tool: 't', arguments: '{}' };
    const ids = ['used', 'new', 'new', null, null, 'other'];
    const calls = requestedCalls(
      ids.map((id) => ({ ...call, id })),
      new Set(['used']),
    );
    expect(calls.map(({ callId }) => callId)).toEqual([null, 'new', null, null, null, 'other']);
  });
});

it('blank arguments are an empty object, and others stay as they are', () => {
  const argumentsOf = (text: string) => requestedCalls([{ id: null, tool: 't', arguments: text }], new Set());
  expect(argumentsOf(' \n')).toEqual([{ callId: null, tool: 't', arguments: '{}' }]);
  expect(argumentsOf(' {"a":1}')).toEqual([{ callId: null, tool: 't', arguments: ' {"a":1}' }]);
});

it.each([null, 5, 'text', [1]])('the recorded input %j becomes an object', (input) => {
  expect(asObject(input)).toEqual({ malformed: input });
});

it('an input that is an object stays as it is', () => {
  expect(asObject({ a: 1 })).toEqual({ a: 1 });
});

it('names of tools have the characters and the length that providers accept', () => {
  expect(acceptableToolName('read_file-2')).toBe('read_file-2');
  expect(acceptableToolName('a b.c!')).toBe('a_b_c_');
  expect(acceptableToolName('x'.repeat(65))).toBe('x'.repeat(64));
  expect(acceptableToolName('')).toBe('unnamed');
});
