import type { LanguageModelV3StreamPart, SharedV3ProviderMetadata } from '@ai-sdk/provider';
import { describe, expect, it } from 'vitest';
import { createAnswerReader } from '../../../../src/models/ai-sdk/response-reader.ts';

function read(parts: LanguageModelV3StreamPart[], usedIds: string[] = []) {
  const said: string[] = [];
  const reader = createAnswerReader({
    sink: { text: (piece) => said.push(piece), thought: (piece) => said.push(`(${piece})`) },
    usedIds: new Set(usedIds),
    failureOf: (error) => new Error(`reported: ${error}`),
  });
  const heard = parts.map((part) => reader.take(part));
  return { reader, said, heard };
}

type Finish = Extract<LanguageModelV3StreamPart, { type: 'finish' }>;

function finish(
  unified: Finish['finishReason']['unified'],
  raw?: string,
  usage: Partial<Finish['usage']> = {},
): Finish {
  const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
  return {
    type: 'finish',
    finishReason: { unified, raw },
    usage: { inputTokens: none, outputTokens: { total: undefined, text: undefined, reasoning: undefined }, ...usage },
  };
}

const call = (toolCallId: string, input = '{}', providerExecuted = false): LanguageModelV3StreamPart => ({
  type: 'tool-call',
  toolCallId,
  toolName: 'clock',
  input,
  providerExecuted,
});

describe('an answer', () => {
  it('is said in its order, and only what is of it counts as heard', () => {
    const { said, heard, reader } = read([
      { type: 'stream-start', warnings: [] },
      { type: 'response-metadata', id: 'r1' },
      { type: 'reasoning-delta', id: '1', delta: 'hm' },
      { type: 'text-delta', id: '2', delta: '' },
      { type: 'text-delta', id: '2', delta: 'Hello' },
      { type: 'raw', rawValue: {} },
      finish('stop', 'end_turn'),
    ]);
    expect(said).toEqual(['(hm)', 'Hello']);
    expect(heard).toEqual([false, false, true, true, true, false, true]);
    expect(reader.finish()).toEqual({ reason: 'stop', calls: [], usage: null, responseId: 'r1' });
  });

  it('asks for tools, except those that the provider ran by itself', () => {
    const { reader } = read(
      [call('a'), call('a', ''), call('old'), call('own', '{}', true), finish('tool-calls')],
      ['old'],
    );
    expect(reader.finish().calls).toEqual([
      { callId: 'a', tool: 'clock', arguments: '{}' },
      { callId: null, tool: 'clock', arguments: '{}' },
      { callId: null, tool: 'clock', arguments: '{}' },
    ]);
  });

  it('that asks for tools keeps what its provider signed, but no names of what the provider has stored', () => {
    const parts = (providerMetadata: SharedV3ProviderMetadata): LanguageModelV3StreamPart[] => [
      { type: 'reasoning-start', id: '1' },
      { type: 'reasoning-delta', id: '1', delta: 'H' },
      { type: 'reasoning-delta', id: '1', delta: 'm.' },
      { type: 'reasoning-delta', id: '1', delta: '', providerMetadata },
      { type: 'reasoning-end', id: '1' },
      { type: 'reasoning-delta', id: '2', delta: 'unsigned' },
    ];
    const signed = { anthropic: { signature: 'signed' } };
    const asking = [...parts(signed), call('a'), { ...call('b'), providerMetadata: signed }, finish('tool-calls')];
    expect(read(asking as LanguageModelV3StreamPart[]).reader.finish().providerState).toEqual({
      thoughts: [{ text: 'Hm.', metadata: signed }],
      ofCalls: [null, signed],
    });
    const stored = [...parts({ openai: { itemId: 'rs_1' } }), call('a'), finish('tool-calls')];
    for (const silent of [[...parts(signed), finish('stop')], stored, [call('a'), finish('tool-calls')]]) {
      expect(read(silent).reader.finish()).not.toHaveProperty('providerState');
    }
  });

  it('that asks for tools without an end is nonsense', () => {
    const many = Array.from({ length: 257 }, (_, index) => call(`call ${index}`));
    expect(() => read(many)).toThrow('more than 256 tool calls');
  });

  it('says what it used', () => {
    const inputTokens = { total: 10, noCache: 4, cacheRead: 6, cacheWrite: 0 };
    const outputTokens = { total: 7, text: 2, reasoning: 5 };
    const { reader } = read([finish('stop', 'stop', { inputTokens, outputTokens })]);
    expect(reader.finish().usage).toEqual({ input: 10, output: 7, cachedInput: 6, reasoning: 5 });
  });

  it.each([
    ['length', 'max_tokens', 'length'],
    ['content-filter', 'refusal', 'content-filter'],
    ['other', 'pause_turn', 'pause_turn'],
  ] as const)('that ended with %s (%s) ended with %s', (unified, raw, reason) => {
    expect(read([finish(unified, raw)]).reader.finish().reason).toBe(reason);
  });

  it.each([
    ['has no end', []],
    ['ended for no reason', [finish('other')]],
    ['ended with an error', [finish('error', 'error')]],
  ])('that %s broke off', (_name, parts) => {
    const broken = expect.objectContaining({ code: 'MODEL_UNAVAILABLE', retryable: true });
    expect(() => read(parts).reader.finish()).toThrow(broken);
  });

  it('that reports an error throws it', () => {
    expect(() => read([{ type: 'error', error: 'overloaded' }])).toThrow('reported: overloaded');
  });
});
