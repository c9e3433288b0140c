import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/clock.ts';
import type { ModelFinish, ModelMessage, ModelRequest, RequestedCall } from '../../../../src/models/model.ts';
import { parseScript } from '../../../../src/models/scripted/script.ts';
import { createScriptedModel } from '../../../../src/models/scripted/scripted-model.ts';

const allTools = ['http_fetch', 'clock', 'memory_search', 'memory_save'];

/** A clock that records its sleeps, which end at once or last until they are aborted. */
function createClock(mode: 'end at once' | 'last' = 'end at once') {
  const sleeps: number[] = [];
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after: () => () => {},
    sleep(milliseconds, signal) {
      sleeps.push(milliseconds);
      if (mode === 'end at once') return Promise.resolve();
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('not the reason'))));
    },
  };
  return { clock, sleeps };
}

function call(messages: readonly ModelMessage[], options: { tools?: string[]; clock?: Clock; pace?: number } = {}) {
  const pieces: string[] = [];
  const thoughts: string[] = [];
  const abort = new AbortController();
  const model = createScriptedModel({
    clock: options.clock ?? createClock().clock,
    paceMilliseconds: options.pace ?? 0,
  });
  const request: ModelRequest = {
    instructions: 'Be kind.',
    messages,
    tools: (options.tools ?? allTools).map((name) => ({ name, description: '', inputSchema: {} })),
  };
  const sink = { text: (piece: string) => pieces.push(piece), thought: (piece: string) => thoughts.push(piece) };
  const finish = model.stream(request, sink, abort.signal);
  return { pieces, thoughts, finish, abort, text: () => pieces.join('') };
}

const user = (text: string): ModelMessage => ({ role: 'user', text });
const result = (tool: string, text: string, ok = true): ModelMessage => ({ role: 'tool', callId: 'x', tool, ok, text });
const response = (text: string, ...callIds: string[]): ModelMessage => ({
  role: 'assistant',
  text,
  calls: callIds.map((callId) => ({ callId, tool: 'clock', input: {} })),
});
const script = (...lines: string[]) => user(lines.join('\n'));

async function callsOf(finish: Promise<ModelFinish>): Promise<RequestedCall[]> {
  return (await finish).calls;
}

describe('a message in plain words', () => {
  it('gets a greeting with what the model was shown and what to try', async () => {
    const { finish, text, pieces } = call([
      user('one'),
      response('hm'),
      user('two'),
      response('hm'),
      user('Good\nday'),
    ]);
    expect(await finish).toMatchObject({ reason: 'stop', calls: [], responseId: null });
    expect(text()).toContain('You said: "Good day".');
    expect(text()).toContain('I was shown 2 earlier messages of yours');
    expect(text()).toContain('fetch https://example.com');
    expect(pieces.length).toBeGreaterThan(10);
  });

  it('does not lead to a tool that does not exist', async () => {
    const { finish, text } = call([user('what time is it')], { tools: [] });
    expect(await callsOf(finish)).toEqual([]);
    expect(text()).not.toContain('Try');
  });

  it.each([
    ['Please fetch https://example.com/a?b=c.', 'http_fetch', { url: 'https://example.com/a?b=c' }],
    ['What time is it?', 'clock', {}],
    ['remember that tea is green.', 'memory_save', { text: 'tea is green.' }],
    ['recall tea', 'memory_search', { query: 'tea' }],
    ['What do you remember about green tea?', 'memory_search', { query: 'green tea' }],
  ])('%s: a tool call', async (text, tool, input) => {
    const { finish } = call([user(text)]);
    const done = await finish;
    expect(done.reason).toBe('tool-calls');
    expect(done.calls).toEqual([{ callId: 'call_1', tool, arguments: JSON.stringify(input) }]);
  });

  it('leads to a report of results and failures, shortened', async () => {
    const conversation = [
      user('what time is it'),
      response('', 'call_1'),
      result('clock', '12:00'),
      response('', 'call_2'),
    ];
    const first = call([...conversation, result('http_fetch', `denied ${'x'.repeat(2000)}`, false)]);
    expect((await first.finish).calls).toEqual([]);
    expect(first.text()).toMatch(/^http_fetch failed: denied x+…$/);
    expect(first.text().length).toBeLessThan(400);
  });

  it('gets a reply in the middle of a script', async () => {
    const { finish, text } = call([
      script('/call clock', '/then', '/say after'),
      response('', 'call_1'),
      result('clock', 'noon'),
      user('wait'),
    ]);
    await finish;
    expect(text()).toContain('You said: "wait".');
  });
});

describe('call ids', () => {
  it('continue from the calls that were shown', async () => {
    const { finish } = call([user('a'), response('', 'call_1', 'call_2'), user('what time')]);
    expect((await callsOf(finish))[0]?.callId).toBe('call_3');
  });

  it('are not used twice if older calls are no longer shown', async () => {
    const { finish } = call([script('/call a', '/then', '/call b'), response('', 'call_7')]);
    expect((await callsOf(finish))[0]?.callId).toBe('call_8');
  });
});

describe('a script', () => {
  it('says and thinks texts of several lines', async () => {
    const { finish, text, thoughts } = call([script('/think hm, well', '/say  one  two', 'three', '/say four')]);
    await finish;
    expect(thoughts).toEqual(['hm,', ' well']);
    expect(text()).toBe('one  two\nthree\nfour');
  });

  it('says the requested number of words', async () => {
    const { finish, pieces, text } = call([script('/words 1000')]);
    await finish;
    expect(pieces).toHaveLength(1000);
    expect(text().startsWith('word-1 word-2 ')).toBe(true);
  });

  it('makes the calls of a step as they are written', async () => {
    const { finish } = call([script('/say both', '/call clock', '/call no_such {"a": ', '/then', '/call late {}')]);
    expect(await callsOf(finish)).toEqual([
      { callId: 'call_1', tool: 'clock', arguments: '{}' },
      { callId: 'call_2', tool: 'no_such', arguments: '{"a": ' },
    ]);
  });

  it('executes the step for the number of responses so far', async () => {
    const lines = script('/call clock', '/then', '/echo', '/call clock', '/then', '/say end');
    const upToTwo = [lines, response('', 'call_1'), result('clock', 'noon')];
    const second = call(upToTwo);
    expect((await second.finish).calls).toHaveLength(1);
    expect(second.text()).toBe('clock: noon');
    const third = call([...upToTwo, response('clock: noon', 'call_2'), result('clock', 'one')]);
    expect((await third.finish).reason).toBe('stop');
    expect(third.text()).toBe('end');
  });

  it('ends with the results after the last step', async () => {
    const { finish, text } = call([script('/call clock'), response('', 'call_1'), result('clock', 'noon')]);
    expect((await finish).calls).toEqual([]);
    expect(text()).toBe('clock answered: noon');
  });

  it('says the history, the instructions and the tools', async () => {
    const { finish, text } = call(
      [user('a\nb'), response('c'), result('clock', 'd'), script('/history', '/instructions', '/tools')],
      {
        tools: ['clock', 'x'],
      },
    );
    await finish;
    expect(text()).toBe(
      'user: a\\nb\nassistant: c\ntool: d\nuser: /history\\n/instructions\\n/tools\nBe kind.\nclock x',
    );
  });

  it('fails after the text before /fail', async () => {
    const { finish, text } = call([script('/say so far', '/fail MODEL_UNAVAILABLE retryable', '/say no more')]);
    await expect(finish).rejects.toMatchObject({ name: 'ModelError', code: 'MODEL_UNAVAILABLE', retryable: true });
    expect(text()).toBe('so far');
    await expect(call([script('/fail MODEL_AUTH')]).finish).rejects.toMatchObject({ retryable: false });
  });

  it.each([
    ['/say hello', { input: 5, output: 2 }],
    ['/say hello\n/usage 7 9', { input: 7, output: 9 }],
    ['/usage none', null],
  ])('reports usage: %j', async (text, usage) => {
    expect((await call([user(text)]).finish).usage).toEqual(usage && { ...usage, cachedInput: null, reasoning: null });
  });

  it.each(['/dance', '/words many', '/words 999999999', '/fail OOPS', '/usage 1', '/pace soon', '/call'])(
    'explains what is wrong with %s',
    async (line) => {
      const { finish, text } = call([script('/say a', line)]);
      expect((await finish).calls).toEqual([]);
      expect(text()).toMatch(/^(Unknown|Invalid) command \//);
    },
  );

  it('lists its commands with /help, one per line', async () => {
    const { finish, text } = call([script('/help')]);
    expect((await finish).calls).toEqual([]);
    const [title, ...lines] = text().split('\n');
    expect(title).toBe('A message is a script if its first line is one of these commands:');
    expect(lines).toContain('/call TOOL JSON: calls a tool; neither the tool nor the JSON is checked');
    expect(lines).toContain('/help: lists the commands');
    const unknown = expect.objectContaining({ problem: expect.stringContaining('Unknown command') });
    for (const line of lines) {
      expect(line).toMatch(/^\/[a-z]+[^:]*: \S/);
      expect(parseScript(line)).not.toEqual(unknown);
    }
  });

  it('can contain /help beside other commands', async () => {
    const { finish, text } = call([script('/say first', '/help')]);
    await finish;
    expect(text()).toMatch(/^first\nA message is a script/);
  });

  it('begins in the first line: a path and a quoted command are plain text', async () => {
    for (const message of ['/etc/passwd is a file', 'Sum this up:\n/fail INTERNAL', '/']) {
      const { finish, text } = call([user(message)]);
      await finish;
      expect(text()).toContain('You said:');
    }
  });
});

describe('pace and abort', () => {
  it('gives all pieces at once without a pace', () => {
    const { text } = call([script('/words 3')]);
    expect(text()).toBe('word-1 word-2 word-3');
  });

  it('waits between pieces as long as the last /pace says', async () => {
    const { clock, sleeps } = createClock();
    await call([script('/say a b', '/pace 40', '/say c', '/pace 0', '/say d')], { clock, pace: 15 }).finish;
    expect(sleeps).toEqual([15, 40]);
  });

  it('keeps the pace in later steps', async () => {
    const { clock, sleeps } = createClock();
    await call([script('/pace 40', '/call clock', '/then', '/say a b'), response('', 'call_1')], { clock }).finish;
    expect(sleeps).toEqual([40]);
  });

  it('rejects with the reason of the signal, between pieces and during /hang', async () => {
    for (const lines of [['/say a b'], ['/say a', '/hang']]) {
      const { clock } = createClock('last');
      const { finish, abort, text } = call([script(...lines)], { clock, pace: 15 });
      abort.abort('enough');
      await expect(finish).rejects.toBe('enough');
      expect(text()).toBe('a');
    }
  });
});
