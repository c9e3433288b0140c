import { describe, expect, test } from 'vitest';
import type { ToolContext } from '../../../src/tools/tool.ts';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { converse, type Event, follow, runById, send, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { everything, freePort, resultOf, startHttpServer, untilServer } from './mcp-programs.ts';

const operation = (server: string, input: { duration: number; steps: number }) =>
  calling([`${server}__trigger-long-running-operation`, input]);

const reportsOf = (events: readonly Event[]) =>
  events.flatMap((event) => (event.__typename === 'ToolProgressEvent' ? [event] : []));

/** The event types between the start and the result of the only call. */
function duringCall(events: readonly Event[]): string[] {
  const types = typesOf(events);
  return types.slice(types.indexOf('TOOL_START') + 1, types.indexOf('TOOL_RESULT'));
}

function expectInOrder(events: readonly Event[]) {
  const reports = reportsOf(events);
  expect(reports.length).toBeGreaterThanOrEqual(2);
  expect(duringCall(events)).toEqual(reports.map(() => 'TOOL_PROGRESS'));
  const values = reports.map(({ progress }) => progress);
  expect(values).toEqual(values.toSorted((one, other) => one - other));
  const call = events.find((event) => event.__typename === 'ToolCallEvent');
  for (const report of reports) {
    const { callId, tool } = call?.__typename === 'ToolCallEvent' ? call : {};
    expect(report).toMatchObject({ callId, tool, actor: 'TOOL', total: 20, message: null });
  }
}

describe('progress of a published MCP server', () => {
  test('is on the tape between the start and the result, over stdio', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    await untilServer(client, 'everything', 'READY');
    const text = operation('everything', { duration: 3, steps: 20 });
    const { events, run, runId } = await converse(client, { sessionKey: 'stdio', text });
    expectInOrder(events);
    const result = events.find((event) => event.__typename === 'ToolResultEvent');
    const { durationMs } = result?.__typename === 'ToolResultEvent' ? result : { durationMs: 0 };
    expect(reportsOf(events).length).toBeLessThanOrEqual(1 + durationMs / 1000);
    expect(resultOf(events)).toMatchObject({ ok: true, output: expect.stringContaining('operation completed') });
    expect(run.state).toBe('DONE');
    expect(await follow(client, runId)).toEqual(events);
  });

  test('is on the tape over HTTP', async () => {
    const port = await freePort();
    await startHttpServer(port);
    const mcpServers = { remote: { url: `http://127.0.0.1:${port}/mcp` } };
    const { client } = await startTestGateway({ file: { mcpServers } });
    await untilServer(client, 'remote', 'READY');
    const { events } = await converse(client, {
      sessionKey: 'http',
      text: operation('remote', { duration: 2, steps: 20 }),
    });
    expectInOrder(events);
    expect(resultOf(events).ok).toBe(true);
  });

  test('B47: ends when the run is cancelled', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    await untilServer(client, 'everything', 'READY');
    const text = operation('everything', { duration: 60, steps: 600 });
    const { run } = await send(client, { sessionKey: 'cancelled', text });
    const seen = await follow(client, run.id, { isLast: ({ type }) => type === 'TOOL_PROGRESS' });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    const events = await follow(client, run.id);
    expect(events.slice(0, seen.length)).toEqual(seen);
    expect(events.at(-1)).toMatchObject({ __typename: 'StatusEvent', to: 'CANCELLED' });
    expect(typesOf(events)).not.toContain('TOOL_RESULT');
    expect((await runById(client, run.id)).state).toBe('CANCELLED');
    const after = await converse(client, {
      sessionKey: 'cancelled',
      text: calling(['everything__echo', { message: 'there' }]),
    });
    expect(resultOf(after.events).output).toBe('Echo: there');
  });

  test('B44: does not extend the timeout of a call', async () => {
    const mcpServers = { everything: { ...everything, timeoutSeconds: 2 } };
    const { client } = await startTestGateway({ file: { mcpServers } });
    await untilServer(client, 'everything', 'READY');
    const text = operation('everything', { duration: 60, steps: 600 });
    const { events } = await converse(client, { sessionKey: 'slow', text });
    expect(reportsOf(events).length).toBeGreaterThan(0);
    expect(resultOf(events).error).toBe('The tool did not finish within 2 seconds and was stopped.');
  });
});

test('a tool that reports constantly adds one event, and none after its result', async () => {
  let report: ToolContext['progress'];
  const tool = countedTool({
    async execute(_input, { progress }) {
      report = progress;
      for (let count = 1; count <= 10_000; count += 1) {
        progress?.({ progress: count, total: 10_000, message: 'password=hunter2hunter2 is no secret now' });
      }
      return 'done';
    },
  });
  const { client } = await startTestGateway({ tools: [tool] });
  const { events, run, runId } = await converse(client, {
    sessionKey: 'noisy',
    text: calling(['count', { word: 'a' }]),
  });
  expect(duringCall(events)).toEqual(['TOOL_PROGRESS']);
  expect(JSON.stringify(events)).not.toContain('hunter2');
  expect(run).toMatchObject({ state: 'DONE', output: 'count: done' });
  report?.({ progress: 1, total: null, message: null });
  expect(await follow(client, runId)).toEqual(events);
});
