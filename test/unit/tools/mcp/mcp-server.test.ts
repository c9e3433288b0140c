import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { McpServer } from '../../../../src/tools/mcp/mcp-server.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';
import { createFakeClock } from '../../fake-clock.ts';
import { anyInput, createFakeServer, type FakeServer } from './fake-server.ts';

const never = new AbortController().signal;
const context = { signal: never, idempotencyKey: 'key_1', session: { id: 'session_1', owner: 'ada' } };

async function until(condition: () => unknown): Promise<void> {
  while (!condition()) await setImmediate();
}

const isIn = (subject: McpServer, state: string) => () => subject.status().state === state;

async function started(fake: FakeServer, config?: Parameters<FakeServer['subject']>[2]) {
  const clock = createFakeClock();
  const subject = fake.subject('fake', clock, config);
  onTestFinished(() => subject.close());
  subject.start();
  await until(isIn(subject, 'READY'));
  const toolbox = createToolbox([], [subject]);
  const call = async (name: string, input = {}, signal = never) => {
    const tool = toolbox.find(name);
    if (!tool) throw new Error(toolbox.absence(name) ?? 'unknown');
    return tool.execute(input, { ...context, signal });
  };
  return { clock, subject, toolbox, call };
}

describe('what a server lists', () => {
  test('comes from all pages; what is broken is left out and said', async () => {
    const fake = createFakeServer([
      [{ name: 'first', inputSchema: anyInput }],
      [
        { name: 'twice', inputSchema: anyInput },
        { name: 'twice', inputSchema: anyInput },
        { name: 'no schema' },
        { name: 'bad schema', inputSchema: { type: 'object', properties: { a: { type: 'nonsense' } } } },
        { name: 'async schema', inputSchema: { ...anyInput, $async: true } },
        { name: 'dangling', inputSchema: { ...anyInput, properties: { a: { $ref: '#/$defs/none' } } } },
        { name: 'task', inputSchema: anyInput, execution: { taskSupport: 'required' } },
        { name: 'large', inputSchema: { ...anyInput, description: 'x'.repeat(70_000) } },
      ],
      [{ name: 'last', inputSchema: anyInput }],
    ]);
    const { toolbox } = await started(fake);
    expect(toolbox.list().map(({ name }) => name)).toEqual(['fake__first', 'fake__twice', 'fake__last']);
    const reasons = JSON.stringify(fake.warnings);
    for (const name of ['twice', 'bad schema', 'async schema', 'dangling', 'task', 'large']) {
      expect(reasons).toContain(`"tool":"${name}"`);
    }
    expect(reasons).toContain('something that is no tool');
  });

  test('schemas with the same id do not stand for each other', async () => {
    const schema = (name: string) => ({ $id: 'same', type: 'object', required: [name] });
    const fake = createFakeServer([
      [
        { name: 'a', inputSchema: schema('a') },
        { name: 'b', inputSchema: schema('b') },
      ],
    ]);
    const { toolbox } = await started(fake);
    expect(toolbox.find('fake__a')?.prepare({ a: 1 })).toEqual({ ok: true, input: { a: 1 } });
    expect(toolbox.find('fake__b')?.prepare({ a: 1 })).toMatchObject({ ok: false });
  });

  test('is listed again when it says that it changed; a tool that is gone is known to be gone', async () => {
    const fake = createFakeServer([[{ name: 'old', inputSchema: anyInput }]]);
    const { toolbox, call } = await started(fake);
    fake.pages = [[{ name: 'new', inputSchema: anyInput }]];
    await fake.announce();
    await until(() => toolbox.find('fake__new'));
    await expect(call('fake__old')).rejects.toThrow('The MCP server "fake" does not have this tool any more.');
    expect(toolbox.absence('fake__never')).toBeNull();
  });

  test('is turned off and judged anew by the configuration, which is told where it names nothing', async () => {
    const fake = createFakeServer([
      [
        { name: 'off', inputSchema: anyInput },
        { name: 'on', inputSchema: anyInput, annotations: { readOnlyHint: true } },
      ],
    ]);
    const { toolbox } = await started(fake, {
      tools: {
        off: { enabled: false },
        on: { enabled: true, risk: 'CRITICAL', idempotent: false },
        typo: { enabled: true },
      },
    });
    expect(toolbox.list()).toMatchObject([{ name: 'fake__on', risk: 'CRITICAL', idempotent: false }]);
    expect(JSON.stringify(fake.warnings)).toContain('"tool":"typo"');
  });
});

describe('calls', () => {
  const oneTool = () => createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);

  test('carry the input and the key that is the same for every attempt', async () => {
    const fake = oneTool();
    const seen: unknown[] = [];
    fake.respond = (params) => {
      seen.push(params);
      return { content: [{ type: 'text', text: 'done' }] };
    };
    const { call } = await started(fake);
    expect(await call('fake__work', { a: 1 })).toBe('done');
    expect(seen).toMatchObject([{ name: 'work', arguments: { a: 1 }, _meta: { 'runtape/idempotencyKey': 'key_1' } }]);
  });

  test('B47: tell the server when they are aborted', async () => {
    const fake = oneTool();
    let isTold = false;
    fake.respond = (_params, { signal }) => new Promise(() => signal.addEventListener('abort', () => (isTold = true)));
    const { call } = await started(fake);
    const stop = new AbortController();
    const pending = call('fake__work', {}, stop.signal);
    await setImmediate();
    stop.abort(new Error('The run was cancelled.'));
    await expect(pending).rejects.toThrow('The run was cancelled.');
    await until(() => isTold);
  });

  test('that were answered are not cancelled by what happens to their run afterwards', async () => {
    const fake = oneTool();
    const { call, subject } = await started(fake);
    const stop = new AbortController();
    await call('fake__work', {}, stop.signal);
    stop.abort();
    expect(subject.status().state).toBe('READY');
    await call('fake__work');
  });

  test('that fail say what the server said', async () => {
    const fake = oneTool();
    const { call } = await started(fake);
    fake.respond = () => ({ isError: true, content: [{ type: 'text', text: 'No such ticket.' }] });
    await expect(call('fake__work')).rejects.toThrow(/^No such ticket\.$/);
    fake.respond = () => {
      throw new Error('It broke.');
    };
    await expect(call('fake__work')).rejects.toThrow('It broke.');
  });
});

describe('B45: a server that goes away', () => {
  test('ends its calls with the reason, is started again after a wait, and has its tools again', async () => {
    const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
    fake.respond = () => new Promise(() => {});
    const { clock, subject, toolbox, call } = await started(fake);
    const pending = call('fake__work');
    await setImmediate();
    await fake.crash();
    await expect(pending).rejects.toThrow(
      'The MCP server "fake" is not running: It closed the connection. It went away during the call, which may have had its effect or not.',
    );
    await until(isIn(subject, 'RESTARTING'));
    expect(toolbox.list()).toEqual([]);
    await expect(call('fake__work')).rejects.toThrow(
      'The MCP server "fake" is not running: It closed the connection. It is started again by itself.',
    );
    expect(fake.starts).toBe(1);
    await clock.advance(1000);
    await until(isIn(subject, 'READY'));
    expect(subject.status().lastError).toBe('It closed the connection.');
    fake.respond = () => ({ content: [] });
    expect(await call('fake__work')).toBe('');
  });

  test('is waited for longer after each failure in a row, and never longer than a minute', async () => {
    const fake = createFakeServer([[]]);
    fake.broken = true;
    const clock = createFakeClock();
    const subject = fake.subject('fake', clock);
    onTestFinished(() => subject.close());
    subject.start();
    const begun: number[] = [];
    for (let start = 1; start <= 12; start += 1) {
      await until(() => fake.starts >= start && clock.pending() > 0);
      begun.push(clock.now());
      while (fake.starts === start) await clock.advance(25);
    }
    const waits = begun.slice(1).map((at, index) => at - (begun[index] ?? 0));
    expect(waits.slice(0, 4)).toEqual([375, 750, 1500, 3000]);
    expect(Math.max(...waits)).toBe(45_000);
    expect(subject.status()).toMatchObject({ state: 'RESTARTING', lastError: 'It is broken.' });
  });

  test('is not started again once it was closed', async () => {
    const fake = createFakeServer([[]]);
    const { clock, subject } = await started(fake);
    await subject.close();
    await clock.advance(120_000);
    expect(fake.starts).toBe(1);
    expect(clock.pending()).toBe(0);
  });
});

describe('a server that is still starting', () => {
  test('is waited for by calls of its tools, and by no others', async () => {
    const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
    const subject = fake.subject('fake', createFakeClock());
    onTestFinished(() => subject.close());
    const toolbox = createToolbox([], [subject]);
    await toolbox.settled(['clock'], never);
    let isSettled = false;
    const settling = toolbox.settled(['fake__work'], never).then(() => (isSettled = true));
    await setImmediate();
    expect(isSettled).toBe(false);
    expect(toolbox.absence('fake__work')).toBe('The MCP server "fake" is not running yet: it is being started.');
    subject.start();
    await settling;
    expect(toolbox.find('fake__work')).not.toBeNull();
  });

  test('is not waited for beyond a bound, nor by a run that ends', async () => {
    const clock = createFakeClock();
    const subject = createFakeServer([]).subject('fake', clock);
    const settling = subject.settled('fake__work', never);
    await clock.advance(30_000);
    await settling;
    const stop = new AbortController();
    const waiting = subject.settled('fake__work', stop.signal);
    stop.abort(new Error('The run ended.'));
    await expect(waiting).rejects.toThrow('The run ended.');
  });
});
