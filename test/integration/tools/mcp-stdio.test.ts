import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  CancelRunDocument,
  CreateAgentDocument,
  DecideApprovalDocument,
  ToolsDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { descendantsRunning, everything, isRunning, programOf, resultOf, untilServer } from './mcp-programs.ts';

const program = programOf('server-everything');
const longOperation: [string, unknown] = ['everything__trigger-long-running-operation', { duration: 60, steps: 60 }];

describe('B45: a stdio server', () => {
  test('lists its tools with the risk from their hints, and they can be called', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    const server = await untilServer(client, 'everything', 'READY');
    expect(server.lastError).toBeNull();
    expect(server.tools.map(({ name }) => name)).toContain('everything__get-sum');
    const { tools } = await client.send(ToolsDocument, {});
    const echo = tools.find(({ name }) => name === 'everything__echo');
    expect(echo).toMatchObject({
      source: 'everything',
      risk: 'LOW',
      idempotent: true,
      inputSchema: { type: 'object' },
    });
    const text = calling(['everything__get-sum', { a: 2, b: 40 }]);
    const { run, events } = await converse(client, { sessionKey: 'sums', text });
    expect(typesOf(events)).toEqual(
      expect.arrayContaining(['TOOL_CALL', 'TOOL_DECISION', 'TOOL_START', 'TOOL_RESULT']),
    );
    expect(resultOf(events)).toMatchObject({ ok: true, output: 'The sum of 2 and 40 is 42.' });
    expect(run.state).toBe('DONE');
  });

  test('returns structured content unchanged, and notes the type and size of images', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    await untilServer(client, 'everything', 'READY');
    const weather = calling(['everything__get-structured-content', { location: 'Chicago' }]);
    const structured = await converse(client, { sessionKey: 'content', text: weather });
    expect(resultOf(structured.events).output).toEqual({
      temperature: 36,
      conditions: expect.any(String),
      humidity: 82,
    });
    const image = await converse(client, { sessionKey: 'content', text: calling(['everything__get-tiny-image', {}]) });
    expect(resultOf(image.events).output).toEqual([
      { type: 'text', text: expect.any(String) },
      {
        type: 'image',
        mimeType: 'image/png',
        bytes: expect.any(Number),
        note: expect.stringMatching(/^image\/png of \d+ bytes, which is not shown$/),
      },
      { type: 'text', text: expect.any(String) },
    ]);
  });

  test('B35: does not get an input that does not match its schema, and no approval is requested', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    await untilServer(client, 'everything', 'READY');
    const text = calling(['everything__get-sum', { a: 'two' }]);
    const { events, run } = await converse(client, { sessionKey: 'invalid', text });
    const { ok, error } = resultOf(events);
    expect(ok).toBe(false);
    expect(error).toMatch(/^Invalid input: .*'b'.*input\/a must be number/);
    expect(typesOf(events)).not.toContain('TOOL_START');
    expect(run.state).toBe('DONE');
  });

  test('that is killed during a call fails the call with the reason, and is restarted', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    await untilServer(client, 'everything', 'READY');
    const { run } = await send(client, { sessionKey: 'killed', text: calling(longOperation) });
    await follow(client, run.id, { isLast: ({ type }) => type === 'TOOL_START' });
    const [child = 0] = await descendantsRunning(program);
    process.kill(child, 'SIGKILL');
    const events = await follow(client, run.id);
    expect(resultOf(events)).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^The MCP server "everything" is not running: .*SIGKILL/),
    });
    expect((await runById(client, run.id)).state).toBe('DONE');
    const restarted = await untilServer(client, 'everything', 'READY');
    expect(restarted.lastError).toContain('SIGKILL');
    const text = calling(['everything__echo', { message: 'again' }]);
    const after = await converse(client, { sessionKey: 'killed', text });
    expect(resultOf(after.events).output).toBe('Echo: again');
  });

  test('B35: that is not running has no tools, and calls fail at once with the reason', async () => {
    const broken = { command: process.execPath, args: ['-e', 'process.exit(3)'] };
    const missing = { command: '/there/is/no/such/program' };
    const endless = { command: process.execPath, args: ['-e', 'process.stdout.write("x".repeat(9e6))'] };
    const { client } = await startTestGateway({ file: { mcpServers: { broken, missing, endless } } });
    const { lastError } = await untilServer(client, 'broken', 'RESTARTING');
    expect(lastError).toBe('Its process ended with code 3.');
    expect((await untilServer(client, 'missing', 'RESTARTING')).lastError).toContain('does not exist');
    expect((await untilServer(client, 'endless', 'RESTARTING')).lastError).toMatch(/^It sent a message longer than/);
    const { tools } = await client.send(ToolsDocument, {});
    expect(tools.filter(({ source }) => source !== 'builtin')).toEqual([]);
    const { events, run } = await converse(client, { sessionKey: 'broken', text: calling(['broken__echo', {}]) });
    expect(resultOf(events).error).toBe(
      'The MCP server "broken" is not running: Its process ended with code 3. It is being restarted.',
    );
    expect(typesOf(events)).not.toContain('APPROVAL_REQUEST');
    expect(run.state).toBe('DONE');
  });

  test('that is disabled is listed and not started', async () => {
    const mcpServers = { everything: { ...everything, disabled: true, env: { KEY: `$\{NOT_SET}` } } };
    const { client } = await startTestGateway({ file: { mcpServers } });
    expect((await untilServer(client, 'everything', 'DISABLED')).tools).toEqual([]);
    expect(await descendantsRunning(program)).toEqual([]);
  });

  test('B44: a call that exceeds its timeout is stopped', async () => {
    const { client } = await startTestGateway({
      file: { mcpServers: { everything: { ...everything, timeoutSeconds: 1 } } },
    });
    await untilServer(client, 'everything', 'READY');
    const { events } = await converse(client, { sessionKey: 'slow', text: calling(longOperation) });
    expect(resultOf(events).error).toBe('The tool did not finish within 1 seconds and was stopped.');
  });

  test('B47: cancelling the run ends the call', async () => {
    const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
    await untilServer(client, 'everything', 'READY');
    const { run } = await send(client, { sessionKey: 'cancelled', text: calling(longOperation) });
    await follow(client, run.id, { isLast: ({ type }) => type === 'TOOL_START' });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    await follow(client, run.id);
    expect((await runById(client, run.id)).state).toBe('CANCELLED');
  });
});

test('B45: a stdio server gets a few variables of the environment and those of its entry, and no other', async () => {
  vi.stubEnv('DATABASE_PASSWORD', 'secret of the gateway');
  onTestFinished(() => void vi.unstubAllEnvs());
  const entry = { ...everything, env: { SERVER_TOKEN: 'for the server' }, tools: { 'get-env': { risk: 'LOW' } } };
  const { client } = await startTestGateway({ file: { mcpServers: { everything: entry } } });
  await untilServer(client, 'everything', 'READY');
  const { events } = await converse(client, { sessionKey: 'env', text: calling(['everything__get-env', {}]) });
  const { output } = resultOf(events);
  const variables: unknown = JSON.parse(String(output));
  expect(variables).toMatchObject({ PATH: process.env.PATH, SERVER_TOKEN: 'for the server' });
  const allowed = ['HOME', 'LOGNAME', 'PATH', 'SERVER_TOKEN', 'SHELL', 'TERM', 'USER'];
  expect(Object.keys(Object(variables)).filter((name) => !allowed.includes(name))).toEqual([]);
});

test('the configuration disables tools and overrides their risk', async () => {
  const tools = { echo: { risk: 'HIGH', idempotent: false }, 'get-env': { enabled: false } };
  const { client } = await startTestGateway({ file: { mcpServers: { everything: { ...everything, tools } } } });
  const server = await untilServer(client, 'everything', 'READY');
  expect(server.tools.map(({ name }) => name)).not.toContain('everything__get-env');
  const listed = await client.send(ToolsDocument, {});
  const echo = listed.tools.find(({ name }) => name === 'everything__echo');
  expect(echo).toMatchObject({ risk: 'HIGH', idempotent: false });
});

test('B35: an agent has the tools that its list selects, also by source', async () => {
  const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
  await untilServer(client, 'everything', 'READY');
  const agentWith = async (name: string, tools: string[]) => {
    const { createAgent } = await client.send(CreateAgentDocument, { input: { name, instructions: 'Help.', tools } });
    if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.message);
    return createAgent.agent.id;
  };
  const callEcho = async (agentId: string) => {
    const text = calling(['everything__echo', { message: 'hello' }]);
    const { events } = await converse(client, { sessionKey: agentId, agentId, text });
    return resultOf(events);
  };
  expect(await callEcho(await agentWith('remote', ['everything/*']))).toMatchObject({
    ok: true,
    output: 'Echo: hello',
  });
  expect((await callEcho(await agentWith('local', ['builtin/*']))).error).toMatch(
    /^There is no tool "everything__echo"\. Available tools: clock, memory_search, /,
  );
});

test('B45: a call that is approved after a restart of the gateway waits for its server', async () => {
  const tools = { echo: { risk: 'HIGH' } };
  const file = { mcpServers: { everything: { ...everything, tools } } };
  const before = await startTestGateway({ file });
  await untilServer(before.client, 'everything', 'READY');
  const { run } = await send(before.client, {
    sessionKey: 'restart',
    text: calling(['everything__echo', { message: 'late' }]),
  });
  const untilRequest = await follow(before.client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const { client } = await before.restart();
  const request = untilRequest.at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('There is no approval request.');
  await client.send(DecideApprovalDocument, { input: { approvalId: request.approval.id, decision: 'ALLOW' } });
  expect(resultOf(await follow(client, run.id))).toMatchObject({ ok: true, output: 'Echo: late' });
});

test('B45: when the gateway stops, the server and the children of its launcher end', async () => {
  // Also prints a line that is not a message, which must be skipped.
  const launcher = `console.log('starting');
    require('node:child_process').spawn(process.execPath, [${JSON.stringify(program)}], { stdio: 'inherit' });
    process.on('SIGTERM', () => {});
    setInterval(() => {}, 1000);`;
  const mcpServers = { launched: { command: process.execPath, args: ['-e', launcher] } };
  const { client, gateway } = await startTestGateway({ file: { mcpServers } });
  await untilServer(client, 'launched', 'READY');
  const processes = await descendantsRunning(program);
  expect(processes).toHaveLength(2);
  await gateway.close(0);
  await until(async () => !processes.some(isRunning));
});
