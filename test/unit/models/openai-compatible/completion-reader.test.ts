import { describe, expect, it } from 'vitest';
import { createCompletionReader } from '../../../../src/models/openai-compatible/completion-reader.ts';
import { createFailureReader } from '../../../../src/models/provider/failure.ts';

function createReader(usedIds: string[] = []) {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const reader = createCompletionReader({
    sink: { text: (piece) => texts.push(piece), thought: (piece) => thoughts.push(piece) },
    contentType: 'text/plain',
    usedIds: new Set(usedIds),
    failureOf: createFailureReader([]).ofEvent,
  });
  return { reader, texts, thoughts };
}

/** Reads chunks and a finish reason, and returns how the response ended. */
function finishOf(chunks: unknown[], reason = 'stop', usedIds: string[] = []) {
  const { reader } = createReader(usedIds);
  for (const chunk of chunks) reader.readEvent(JSON.stringify(chunk));
  reader.readEvent(JSON.stringify({ choices: [{ delta: {}, finish_reason: reason }] }));
  return reader.finish();
}

const delta = (delta: unknown) => ({ choices: [{ index: 0, delta, finish_reason: null }] });
const fragments = (...tool_calls: unknown[]) => delta({ tool_calls });
const counted = (input: number, output: number) => ({ input, output, cachedInput: null, reasoning: null });
const callsOf = (chunks: unknown[], usedIds: string[] = []) => finishOf(chunks, 'tool_calls', usedIds).calls;

describe('text and thoughts', () => {
  it('go to the sink in order, without empty pieces', () => {
    const { reader, texts, thoughts } = createReader();
    for (const piece of [
      { role: 'assistant', content: '' },
      { content: null, reasoning_content: 'hm' },
      { reasoning: ' well' },
      { reasoning: 'once', reasoning_content: 'once' },
      { content: 'Hel' },
      { content: [{ type: 'text', text: 'lo' }, { type: 'image' }] },
      { reasoning_content: '', reasoning: ' now' },
      { content: [{ type: 'thinking', thinking: [{ type: 'text', text: ' so' }] }] },
    ]) {
      reader.readEvent(JSON.stringify(delta(piece)));
    }
    expect(texts).toEqual(['Hel', 'lo']);
    expect(thoughts).toEqual(['hm', ' well', 'once', ' now', ' so']);
  });
});

describe('the end of a response', () => {
  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'tool-calls'],
    ['function_call', 'tool-calls'],
    ['content_filter', 'content-filter'],
    ['SAFETY', 'content-filter'],
    ['prohibited_content', 'content-filter'],
    ['eos', 'eos'],
  ])('%s is %s', (given, reason) => {
    expect(finishOf([], given).reason).toBe(reason);
  });

  it('is tool-calls if there are calls and the server says stop', () => {
    expect(finishOf([fragments({ id: 'a', function: { name: 'clock' } })]).reason).toBe('tool-calls');
  });

  it('may be [DONE] alone, but must not be missing', () => {
    const { reader } = createReader();
    reader.readEvent(JSON.stringify(delta({ content: 'a' })));
    expect(() => reader.finish()).toThrow('ended before it was complete');
    reader.readEvent(' [DONE] ');
    reader.readEvent('not read any more');
    expect([reader.isDone(), reader.finish().reason]).toEqual([true, 'stop']);
  });

  it('may be usage alone, in a chunk of its own', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    const { reader } = createReader();
    reader.readEvent(JSON.stringify({ ...delta({ content: 'a' }), usage }));
    expect(() => reader.finish()).toThrow('ended before it was complete');
    reader.readEvent(JSON.stringify({ choices: [], usage }));
    expect(reader.finish().reason).toBe('stop');
  });

  it('is missing if no choice came, and the content type says what came instead', () => {
    const { reader } = createReader();
    reader.readEvent('{"choices":[]}');
    reader.readEvent('[DONE]');
    expect(() => reader.finish()).toThrow('it contains no answer (content type text/plain)');
  });

  it('with a refusal is a refusal, whose words are not part of the text', () => {
    const { reader, texts } = createReader();
    for (const piece of [{ content: 'First' }, { refusal: 'I can' }, { refusal: 'not.' }]) {
      reader.readEvent(JSON.stringify(delta(piece)));
    }
    reader.readEvent(JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] }));
    expect(texts).toEqual(['First']);
    expect(reader.finish()).toMatchObject({ reason: 'refusal', refusal: 'I cannot.' });
    expect(finishOf([delta({ refusal: 'x'.repeat(5000) })]).refusal).toHaveLength(1000);
    expect(finishOf([delta({ refusal: '' })])).not.toHaveProperty('refusal');
  });

  it('is that of the first choice, and other choices are not read', () => {
    const { reader, texts } = createReader();
    const choice = (index: number, content: string, finish_reason: string | null = null) => ({
      choices: [{ index, delta: { content }, finish_reason }],
    });
    const both = { choices: [...choice(1, 'no').choices, ...choice(0, ' both').choices] };
    for (const chunk of [choice(1, 'no', 'length'), choice(0, 'yes'), both, choice(1, 'no'), choice(0, '', 'stop')]) {
      reader.readEvent(JSON.stringify(chunk));
    }
    expect(texts).toEqual(['yes', ' both']);
    expect(reader.finish().reason).toBe('stop');
  });

  it('keeps the first response id', () => {
    expect(finishOf([{ id: '', ...delta({}) }, { id: 'one' }, { id: 'two' }]).responseId).toBe('one');
    expect(finishOf([]).responseId).toBeNull();
  });
});

describe('usage', () => {
  const usage = (prompt_tokens: unknown, completion_tokens: unknown) => ({
    usage: { prompt_tokens, completion_tokens },
  });

  it('may be missing, come last without a choice, or come with every chunk', () => {
    expect(finishOf([]).usage).toBeNull();
    expect(finishOf([{ ...usage(3, 4), choices: [] }]).usage).toEqual(counted(3, 4));
    const growing = [1, 2, 3].map((output) => ({ ...delta({ content: 'a' }), ...usage(3, output) }));
    expect(finishOf([...growing, { usage: null }]).usage).toEqual(counted(3, 3));
  });

  it('contains cached and reasoning tokens if the server reports plausible ones', () => {
    const whole = { prompt_tokens: 10, completion_tokens: 8 };
    for (const [parts, cachedInput, reasoning] of [
      [{ prompt_tokens_details: { cached_tokens: 6 }, completion_tokens_details: { reasoning_tokens: 5 } }, 6, 5],
      [{ prompt_cache_hit_tokens: 4, reasoning_tokens: 0 }, 4, 0],
      [{ prompt_tokens_details: null, completion_tokens_details: { reasoning_tokens: null } }, null, null],
      [{ prompt_tokens_details: { cached_tokens: 11 }, reasoning_tokens: 9 }, null, null],
    ] as const) {
      expect(finishOf([{ usage: { ...whole, ...parts } }]).usage).toEqual({
        input: 10,
        output: 8,
        cachedInput,
        reasoning,
      });
    }
  });

  it('is null if it is malformed', () => {
    for (const wrong of [usage('3', 4), usage(-1, 4), usage(1.5, 4), { usage: 7 }]) {
      expect(finishOf([wrong]).usage).toBeNull();
    }
  });
});

describe('tool calls', () => {
  it('come in one piece', () => {
    expect(callsOf([fragments({ index: 0, id: 'a', function: { name: 'clock', arguments: '{}' } })])).toEqual([
      { callId: 'a', tool: 'clock', arguments: '{}' },
    ]);
  });

  it('come in fragments, in parallel, and out of order', () => {
    const calls = callsOf([
      fragments({ index: 0, id: 'a', type: 'function', function: { name: 'clock', arguments: '' } }),
      fragments({ index: 0, function: { arguments: '{"a"' } }),
      fragments({ index: 1, id: 'b', function: { name: 'fetch', arguments: '{' } }),
      fragments(
        { index: 0, id: 'a', function: { name: 'clock', arguments: ':1}' } },
        { index: 1, function: { arguments: '}' } },
      ),
    ]);
    expect(calls).toEqual([
      { callId: 'a', tool: 'clock', arguments: '{"a":1}' },
      { callId: 'b', tool: 'fetch', arguments: '{}' },
    ]);
  });

  it('come without an index: a new id begins a call', () => {
    const calls = callsOf([
      fragments({ id: 'a', function: { name: 'clock', arguments: '{"a":' } }),
      fragments({ function: { arguments: '1}' } }),
      fragments({ id: 'b', function: { name: 'clock', arguments: '{}' } }),
    ]);
    expect(calls.map(({ callId, arguments: text }) => [callId, text])).toEqual([
      ['a', '{"a":1}'],
      ['b', '{}'],
    ]);
  });

  it('come with neither index nor id: a name begins a call', () => {
    const calls = callsOf([
      fragments({ function: { name: 'clock', arguments: { zone: 'UTC' } } }, { function: { name: 'fetch' } }),
    ]);
    expect(calls).toEqual([
      { callId: null, tool: 'clock', arguments: '{"zone":"UTC"}' },
      { callId: null, tool: 'fetch', arguments: '{}' },
    ]);
  });

  it('come with the same index and different ids', () => {
    const of = (id: string) => fragments({ index: 0, id, function: { name: 'clock', arguments: '{}' } });
    expect(callsOf([of('a'), of('b')]).map(({ callId }) => callId)).toEqual(['a', 'b']);
  });

  it('come with the same index, without ids, each one whole', () => {
    const of = (zone: string) => fragments({ index: 0, function: { name: 'clock', arguments: `{"zone":"${zone}"}` } });
    expect(callsOf([of('UTC'), of('CET')]).map((call) => call.arguments)).toEqual(['{"zone":"UTC"}', '{"zone":"CET"}']);
  });

  it('come with the name in each fragment and an index that is a string', () => {
    const of = (text: string) => fragments({ index: '0', function: { name: 'clock', arguments: text } });
    expect(callsOf(['{"a":', '{"b":', '1}', '}'].map(of)).map((call) => call.arguments)).toEqual(['{"a":{"b":1}}']);
  });

  it('come a second time at the end, and count once', () => {
    const whole = fragments({ index: 0, id: 'a', function: { name: 'clock', arguments: '{"a":1}' } });
    const pieces = ['{"a"', ':1}'].map((text) => fragments({ index: 0, id: 'a', function: { arguments: text } }));
    const named = fragments({ index: 0, id: 'a', function: { name: 'clock' } });
    expect(callsOf([named, ...pieces, whole])).toEqual([{ callId: 'a', tool: 'clock', arguments: '{"a":1}' }]);
  });

  it('come as one object instead of a list', () => {
    expect(callsOf([delta({ tool_calls: { id: 'a', function: { name: 'clock' } } })])).toHaveLength(1);
  });

  it('lose an id that was used before', () => {
    const of = (index: number, id: string) => fragments({ index, id, function: { name: 'clock' } });
    expect(callsOf([of(0, 'old'), of(1, 'new'), of(2, 'new')], ['old']).map(({ callId }) => callId)).toEqual([
      null,
      'new',
      null,
    ]);
  });

  it('come in the deprecated form `function_call`', () => {
    const chunks = [
      delta({ function_call: { name: 'clock', arguments: '{"a"' } }),
      delta({ function_call: { arguments: ':1}' } }),
    ];
    expect(finishOf(chunks, 'function_call')).toMatchObject({
      reason: 'tool-calls',
      calls: [{ callId: null, tool: 'clock', arguments: '{"a":1}' }],
    });
  });

  it('are refused without a name, and if they are too many or too long', () => {
    expect(() => callsOf([fragments({ index: 0, id: 'a', function: { arguments: '{}' } })])).toThrow('has no name');
    const many = Array.from({ length: 300 }, (_, index) => ({ index, function: { name: 'clock' } }));
    expect(() => callsOf([fragments(...many)])).toThrow('more than 256 tool calls');
    const long = fragments({ index: 0, function: { name: 'clock', arguments: 'x'.repeat(1024 * 1024) } });
    expect(() => callsOf(Array(5).fill(long))).toThrow('are too long');
  });
});

describe('a failure inside a stream', () => {
  it.each([
    [{ error: 'overloaded' }, true],
    [{ error: { message: 'no', type: 'invalid_request_error' } }, false],
    [{ object: 'error', message: 'no', code: 400 }, false],
    [{ choices: [{ delta: {}, finish_reason: 'error', error: { code: 502, message: 'gone' } }] }, true],
    [{ choices: [{ delta: {}, finish_reason: 'error' }] }, true],
  ])('%j is thrown, retryable: %s', (chunk, retryable) => {
    const { reader } = createReader();
    expect(() => reader.readEvent(JSON.stringify(chunk))).toThrow(
      expect.objectContaining({ name: 'ModelError', retryable }),
    );
  });
});

describe('an invalid chunk', () => {
  it.each(['oops', '{', 'null', '[]', '7', '{"choices":[{"delta":{"tool_calls":[7]}}]}'])(
    '%j is a retryable failure',
    (data) => {
      const { reader } = createReader();
      expect(() => reader.readEvent(data)).toThrow(
        expect.objectContaining({ name: 'ModelError', code: 'MODEL_UNAVAILABLE', retryable: true }),
      );
    },
  );

  it.each([
    '',
    ' ',
    '{}',
    '{"choices":null}',
    '{"choices":[]}',
    '{"choices":[7]}',
    '{"choices":[{"delta":7}]}',
    '{"error":null}',
  ])('%j is ignored', (data) => {
    const { reader, texts } = createReader();
    reader.readEvent(data);
    expect(texts).toEqual([]);
  });

  it('is a whole response without a choice', () => {
    const { reader } = createReader();
    expect(() => reader.readWhole('{"choices":[]}')).toThrow('it contains no answer');
  });
});

it('reads a response that is not streamed', () => {
  const { reader, texts } = createReader();
  const tool_calls = [{ id: 'a', function: { name: 'clock', arguments: '{}' } }];
  const usage = { prompt_tokens: 1, completion_tokens: 2 };
  reader.readWhole(JSON.stringify({ id: 'r', choices: [{ message: { content: 'Hello', tool_calls } }], usage }));
  expect(texts).toEqual(['Hello']);
  expect(reader.finish()).toEqual({
    reason: 'tool-calls',
    calls: [{ callId: 'a', tool: 'clock', arguments: '{}' }],
    usage: counted(1, 2),
    responseId: 'r',
  });
});
