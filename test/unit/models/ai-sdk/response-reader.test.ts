import type { LanguageModelV3StreamPart, SharedV3ProviderMetadata } from '@ai-sdk/provider';
import { describe, expect, it } from 'vitest';
import { createResponseReader } from '../../../../src/models/ai-sdk/response-reader.ts';

function read(parts: LanguageModelV3StreamPart[], usedIds: string[] = []) {
  const pieces: string[] = [];
  const reader = createResponseReader({
    sink: { text: (piece) => pieces.push(piece), thought: (piece) => pieces.push(`(${piece})`) },
    usedIds: new Set(usedIds),
    failureOf: (error) => new Error(`reported: ${error}`),
  });
  const isContent = parts.map((part) => reader.read(part));
  return { reader, pieces, isContent };
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

describe('a response', () => {
  it('goes to the sink in order, and only its own parts count as content', () => {
    const { pieces, isContent, reader } = read([
      { type: 'stream-start', warnings: [] },
      { type: 'response-metadata', id: 'r1' },
      { type: 'reasoning-delta', id: '1', delta: 'hm' },
      { type: 'text-delta', id: '2', delta: '' },
      { type: 'text-delta', id: '2', delta: 'Hello' },
      { type: 'raw', rawValue: {} },
      finish('stop', 'end_turn'),
    ]);
    expect(pieces).toEqual(['(hm)', 'Hello']);
    expect(isContent).toEqual([false, false, true, true, true, false, true]);
    expect(reader.finish()).toEqual({ reason: 'stop', calls: [], usage: null, responseId: 'r1' });
  });

  it('contains tool calls, except those that the provider executed itself', () => {
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

  it('with tool calls keeps what its provider signed, but no references to what the provider stored', () => {
    const parts = (providerMetadata: SharedV3ProviderMetadata): LanguageModelV3StreamPart[] => [
      { type: 'reasoning-start', id: '1' },
      { type: 'reasoning-delta', id: '1', delta: 'H' },
      { type: 'reasoning-delta', id: '1', delta: 'm.' },
      { type: 'reasoning-delta', id: '1', delta: '', providerMetadata },
      { type: 'reasoning-end', id: '1' },
      { type: 'reasoning-delta', id: '2', delta: 'unsigned' },
    ];
    const signed = { anthropic: { signature: 'signed' } };
    const calling = [...parts(signed), call('a'), { ...call('b'), providerMetadata: signed }, finish('tool-calls')];
    expect(read(calling as LanguageModelV3StreamPart[]).reader.finish().providerState).toEqual({
      thoughts: [{ text: 'Hm.', metadata: signed }],
      ofCalls: [null, signed],
    });
    const stored = [...parts({ openai: { itemId: 'rs_1' } }), call('a'), finish('tool-calls')];
    for (const unsigned of [[...parts(signed), finish('stop')], stored, [call('a'), finish('tool-calls')]]) {
      expect(read(unsigned).reader.finish()).not.toHaveProperty('providerState');
    }
  });

  it('with too many tool calls is refused', () => {
    const many = Array.from({ length: 257 }, (_, index) => call(`call ${index}`));
    expect(() => read(many)).toThrow('more than 256 tool calls');
  });

  it('contains the usage', () => {
    const inputTokens = { total: 10, noCache: 4, cacheRead: 6, cacheWrite: 0 };
    const outputTokens = { total: 7, text: 2, reasoning: 5 };
    const { reader } = read([finish('stop', 'stop', { inputTokens, outputTokens })]);
    expect(reader.finish().usage).toEqual({ input: 10, output: 7, cachedInput: 6, reasoning: 5 });
  });

  it.each([
    ['length', 'max_tokens', 'length'],
    ['content-filter', 'refusal', 'content-filter'],
    ['other', 'pause_turn', 'pause_turn'],
  ] as const)('with the finish reason %s (%s) ends with %s', (unified, raw, reason) => {
    expect(read([finish(unified, raw)]).reader.finish().reason).toBe(reason);
  });

  it('with a refusal, which the package passes on in raw chunks alone, is a refusal', () => {
    const raw = (type: string, delta: string) => ({ type: 'raw' as const, rawValue: { type, delta } });
    const parts = [raw('response.refusal.delta', 'I can'), raw('other', '!'), raw('response.refusal.delta', 'not.')];
    const { reader, pieces } = read([...parts, finish('stop', 'completed')]);
    expect(reader.finish()).toMatchObject({ reason: 'refusal', refusal: 'I cannot.' });
    expect(pieces).toEqual([]);
  });

  it.each([
    ['without an end', []],
    ['that ends without a reason', [finish('other')]],
    ['that ends with an error', [finish('error', 'error')]],
  ])('%s is incomplete', (_name, parts) => {
    const incomplete = expect.objectContaining({ code: 'MODEL_UNAVAILABLE', retryable: true });
    expect(() => read(parts).reader.finish()).toThrow(incomplete);
  });

  it('that reports an error throws the failure', () => {
    expect(() => read([{ type: 'error', error: 'overloaded' }])).toThrow('reported: overloaded');
  });
});
