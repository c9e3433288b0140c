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

const isIn = (source: McpServer, state: string) => () => source.status().state === state;

async function startServer(fake: FakeServer, config?: Parameters<FakeServer['createSource']>[2]) {
  const clock = createFakeClock();
  const source = fake.createSource('fake', clock, config);
  onTestFinished(() => source.close());
  source.start();
  await until(isIn(source, 'READY'));
  const toolbox = createToolbox([], () => [source]);
  const call = async (name: string, input = {}, signal = never) => {
    const tool = toolbox.find(name);
    if (!tool) throw new Error(toolbox.unavailableReason(name) ?? 'unknown');
    return tool.execute(input, { ...context, signal });
  };
  return { clock, source, toolbox, call };
}

describe('the list of tools', () => {
  test('has all pages; invalid tools are left out and logged', async () => {
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
    const { toolbox } = await startServer(fake);
    expect(toolbox.list().map(({ name }) => name)).toEqual(['fake__first', 'fake__twice', 'fake__last']);
    const reasons = JSON.stringify(fake.warnings);
    for (const name of ['twice', 'bad schema', 'async schema', 'dangling', 'task', 'large']) {
      expect(reasons).toContain(`"tool":"${name}"`);
    }
    expect(reasons).toContain('lists an invalid tool');
  });

  test('keeps schemas with the same id apart', async () => {
    const schema = (name: string) => ({ $id: 'same', type: 'object', required: [name] });
    const fake = createFakeServer([
      [
        { name: 'a', inputSchema: schema('a') },
        { name: 'b', inputSchema: schema('b') },
      ],
    ]);
    const { toolbox } = await startServer(fake);
    expect(await toolbox.find('fake__a')?.prepare({ a: 1 }, 'ada')).toEqual({ ok: true, input: { a: 1 } });
    expect(await toolbox.find('fake__b')?.prepare({ a: 1 }, 'ada')).toMatchObject({ ok: false });
  });

  test('is loaded again when the server reports a change; a removed tool gets its own error', async () => {
    const fake = createFakeServer([[{ name: 'old', inputSchema: anyInput }]]);
    const { toolbox, call } = await startServer(fake);
    fake.pages = [[{ name: 'new', inputSchema: anyInput }]];
    await fake.announce();
    await until(() => toolbox.find('fake__new'));
    await expect(call('fake__old')).rejects.toThrow('The MCP server "fake" no longer has this tool.');
    expect(toolbox.unavailableReason('fake__never')).toBeNull();
  });

  test('is overridden by the configuration; a configured tool that does not exist is logged', async () => {
    const fake = createFakeServer([
      [
        { name: 'off', inputSchema: anyInput },
        { name: 'on', inputSchema: anyInput, annotations: { readOnlyHint: true } },
      ],
    ]);
    const { toolbox } = await startServer(fake, {
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

  test('send the input and the idempotency key', async () => {
    const fake = oneTool();
    const seen: unknown[] = [];
    fake.respond = (params) => {
      seen.push(params);
      return { content: [{ type: 'text', text: 'done' }] };
    };
    const { call } = await startServer(fake);
    expect(await call('fake__work', { a: 1 })).toBe('done');
    expect(seen).toMatchObject([{ name: 'work', arguments: { a: 1 }, _meta: { 'runtape/idempotencyKey': 'key_1' } }]);
  });

  test('B47: notify the server when they are aborted', async () => {
    const fake = oneTool();
    let isNotified = false;
    fake.respond = (_params, { signal }) =>
      new Promise(() => signal.addEventListener('abort', () => (isNotified = true)));
    const { call } = await startServer(fake);
    const stop = new AbortController();
    const pending = call('fake__work', {}, stop.signal);
    await setImmediate();
    stop.abort(new Error('The run was cancelled.'));
    await expect(pending).rejects.toThrow('The run was cancelled.');
    await until(() => isNotified);
  });

  test('that are finished are not cancelled when their run is', async () => {
    const fake = oneTool();
    const { call, source } = await startServer(fake);
    const stop = new AbortController();
    await call('fake__work', {}, stop.signal);
    stop.abort();
    expect(source.status().state).toBe('READY');
    await call('fake__work');
  });

  test('that fail have the message of the server', async () => {
    const fake = oneTool();
    const { call } = await startServer(fake);
    fake.respond = () => ({ isError: true, content: [{ type: 'text', text: 'No such ticket.' }] });
    await expect(call('fake__work')).rejects.toThrow(/^No such ticket\.$/);
    fake.respond = () => {
      throw new Error('It broke.');
    };
    await expect(call('fake__work')).rejects.toThrow('It broke.');
  });
});

describe('B45: a server that is lost', () => {
  test('fails its calls with the reason, is restarted after a delay, and has its tools again', async () => {
    const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
    fake.respond = () => new Promise(() => {});
    const { clock, source, toolbox, call } = await startServer(fake);
    const pending = call('fake__work');
    await setImmediate();
    await fake.crash();
    await expect(pending).rejects.toThrow(
      'The MCP server "fake" is not running: It closed the connection. It was lost during the call, which may or may not have had its effect.',
    );
    await until(isIn(source, 'RESTARTING'));
    expect(toolbox.list()).toEqual([]);
    await expect(call('fake__work')).rejects.toThrow(
      'The MCP server "fake" is not running: It closed the connection. It is being restarted.',
    );
    expect(fake.starts).toBe(1);
    await clock.advance(1000);
    await until(isIn(source, 'READY'));
    expect(source.status().lastError).toBe('It closed the connection.');
    fake.respond = () => ({ content: [] });
    expect(await call('fake__work')).toBe('');
  });

  test('is restarted with a delay that doubles with each failure in a row, up to a minute', async () => {
    const fake = createFakeServer([[]]);
    fake.broken = true;
    const clock = createFakeClock();
    const source = fake.createSource('fake', clock);
    onTestFinished(() => source.close());
    source.start();
    const startTimes: number[] = [];
    for (let start = 1; start <= 12; start += 1) {
      await until(() => fake.starts >= start && clock.pending() > 0);
      startTimes.push(clock.now());
      while (fake.starts === start) await clock.advance(25);
    }
    const delays = startTimes.slice(1).map((at, index) => at - (startTimes[index] ?? 0));
    expect(delays.slice(0, 4)).toEqual([375, 750, 1500, 3000]);
    expect(Math.max(...delays)).toBe(45_000);
    expect(source.status()).toMatchObject({ state: 'RESTARTING', lastError: 'It is broken.' });
  });

  test('is not restarted after it was closed', async () => {
    const fake = createFakeServer([[]]);
    const { clock, source } = await startServer(fake);
    await source.close();
    await clock.advance(120_000);
    expect(fake.starts).toBe(1);
    expect(clock.pending()).toBe(0);
  });
});

describe('a server that is still starting', () => {
  test('delays calls of its own tools only', async () => {
    const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
    const source = fake.createSource('fake', createFakeClock());
    onTestFinished(() => source.close());
    const toolbox = createToolbox([], () => [source]);
    await toolbox.waitUntilReady(['clock'], never);
    let isReady = false;
    const waiting = toolbox.waitUntilReady(['fake__work'], never).then(() => (isReady = true));
    await setImmediate();
    expect(isReady).toBe(false);
    expect(toolbox.unavailableReason('fake__work')).toBe('The MCP server "fake" is not running yet: it is starting.');
    source.start();
    await waiting;
    expect(toolbox.find('fake__work')).not.toBeNull();
  });

  test('delays calls for a bounded time, and not after their run has ended', async () => {
    const clock = createFakeClock();
    const source = createFakeServer([]).createSource('fake', clock);
    const bounded = source.waitUntilReady('fake__work', never);
    await clock.advance(30_000);
    await bounded;
    const stop = new AbortController();
    const waiting = source.waitUntilReady('fake__work', stop.signal);
    stop.abort(new Error('The run ended.'));
    await expect(waiting).rejects.toThrow('The run ended.');
  });
});

describe('B103: a server that was removed from the configuration', () => {
  test('offers no tools, lets its calls end, and closes then', async () => {
    const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
    let finish: (result: object) => void = () => {};
    fake.respond = () => new Promise((resolve) => (finish = resolve));
    const { clock, source, toolbox, call } = await startServer(fake);
    const tool = toolbox.find('fake__work');
    const called = call('fake__work');
    let isClosed = false;
    const retired = source.retire().then(() => (isClosed = true));
    expect(toolbox.list()).toEqual([]);
    await setImmediate();
    expect(isClosed).toBe(false);
    finish({ content: [{ type: 'text', text: 'done' }] });
    expect(await called).toBe('done');
    await retired;
    await expect(tool?.execute({}, { ...context, signal: never })).rejects.toThrow(
      'The MCP server "fake" is not running: It was removed from the configuration, or changed in it.',
    );
    await clock.advance(120_000);
    expect([fake.starts, clock.pending()]).toEqual([1, 0]);
  });

  test('can be closed while calls are in progress', async () => {
    const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
    fake.respond = () => new Promise(() => {});
    const { source, call } = await startServer(fake);
    const called = call('fake__work');
    const retired = source.retire();
    await source.close();
    await expect(called).rejects.toThrow('The MCP server "fake" is not running');
    await retired;
  });

  test('closes at once if it has not started', async () => {
    const source = createFakeServer([]).createSource('fake', createFakeClock());
    source.start();
    await source.retire();
    expect(source.status().state).toBe('DISABLED');
  });
});
