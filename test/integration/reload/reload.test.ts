import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { createTestClient } from '../../client.ts';
import { FollowRunDocument, GatewayDocument } from '../../generated/graphql.ts';
import { turnsUntil } from '../../turns.ts';
import { ask, auth, bearing, entry, startGuarded } from '../access/accounts.ts';
import { converse, decideNextApproval, type Event, follow, runById, send } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { bundledServer } from '../tools/bundled-server.ts';
import { descendantsRunning, everything, resultOf, untilServer } from '../tools/mcp-programs.ts';

const scripted = (paceMilliseconds: number) => ({ provider: 'scripted', paceMilliseconds });
const models = { scripted: scripted(0), slow: scripted(20), other: scripted(0) };

const viewerQuery = '{ viewer { principal } }';
const approvals = 'subscription { approvalEvents { cursor } }';

/** Opens a subscription that ends with its socket. Resolves when the server has answered. */
async function subscribe(url: string, token: string) {
  const closed: { code: number; reason: string }[] = [];
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: bearing(token),
    retryAttempts: 0,
    on: { closed: (event) => closed.push(event as (typeof closed)[number]) },
  });
  onTestFinished(async () => client.dispose());
  const results = client.iterate({ query: approvals });
  const ended = (async () => {
    for await (const _result of results);
  })().catch(() => undefined);
  for await (const _answer of client.iterate({ query: viewerQuery }));
  return { closed, ended };
}

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-reload-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('B103: a reload', () => {
  test('checks a long policy beside other work, and keeps one whose text is the same', async () => {
    const policyFile = join(await createFolder(), 'policy.cedar');
    const rules = Array.from({ length: 200 }, (_, index) => {
      const member = `context.input has "a${index}" && context.input["a${index}"] == "b"`;
      return `forbid (principal, action == Action::"call", resource) when { ${member} };`;
    });
    await writeFile(policyFile, `permit (principal, action, resource);\n${rules.join('\n')}`);
    const { gateway, reload } = await startTestGateway({});
    const { policy } = gateway.parts.commands;
    const builtin = policy.sha256;
    // The check alone took about a second before, in one turn.
    expect(await turnsUntil(reload({ policyFile }))).toBeGreaterThan(100);
    expect(policy.sha256).not.toBe(builtin);
    expect(await turnsUntil(reload({ policyFile }))).toBeLessThan(100);
    await writeFile(policyFile, 'permit (principal, action, resource) when { context.input has a.b.c.d == 3 };');
    expect(await reload({ policyFile })).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('policy.cedar:1:')],
    });
  });

  test('applies models and limits, and a run in progress keeps the removed model that it has', async () => {
    const { client, reload } = await startTestGateway({ file: { models } });
    const text = '/words 60\n/call clock {}\n/then\n/say the end';
    const { run } = await send(client, { sessionKey: 'slow', text, model: 'slow' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const { slow: _removed, ...rest } = models;
    const outcome = await reload({
      models: { ...rest, added: scripted(0) },
      defaultModel: 'added',
      limits: { maxSteps: 1 },
    });
    expect(outcome).toEqual({
      ok: true,
      reloaded: expect.arrayContaining(['defaultModel', 'models.slow', 'models.added', 'limits.maxSteps']),
      needRestart: [],
      revoked: 0,
    });
    const { gateway } = await client.send(GatewayDocument, {});
    expect(gateway.models).toEqual(['added', 'scripted', 'other']);
    await expect(send(client, { sessionKey: 'new', text: 'x', model: 'slow' })).rejects.toThrow(
      '"slow" is not configured',
    );
    await follow(client, run.id);
    expect(await runById(client, run.id)).toMatchObject({ state: 'DONE', output: expect.stringContaining('the end') });
    const limited = await converse(client, { sessionKey: 'limited', text: '/call clock {}\n/then\n/say never' });
    expect(limited.run).toMatchObject({ state: 'FAILED', error: { code: 'STEP_LIMIT' } });
  });

  test('lets a run that waited continue with the new configuration', async () => {
    const { client, reload } = await startTestGateway({ file: { models } });
    const text = '/call memory_save {"text":"tea"}\n/then\n/say the end';
    const { run } = await send(client, { sessionKey: 's', text, model: 'other' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL');
    expect(await reload({ models: { scripted: scripted(0) } })).toMatchObject({ ok: true });
    await decideNextApproval(client, run.id, 'ALLOW');
    await follow(client, run.id);
    expect((await runById(client, run.id)).error).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'The model "other" is not configured.',
    });
  });

  test('reports what needs a restart, and applies the rest', async () => {
    const { client, reload } = await startTestGateway();
    const file = { console: false, traffic: { bodyBytes: 20_000 }, limits: { maxSteps: 7 } };
    for (const reloaded of [['limits.maxSteps'], []]) {
      expect(await reload(file)).toMatchObject({ ok: true, reloaded, needRestart: ['console', 'traffic.bodyBytes'] });
    }
    const { gateway } = await client.send(GatewayDocument, {});
    expect(Object.fromEntries(gateway.limits.map(({ name, value }) => [name, value]))).toMatchObject({
      maxSteps: 7,
      bodyBytes: 524_288,
    });
  });

  test.each([
    ['a policy that does not exist', { policyFile: '/missing.cedar' }, /^policyFile: \/missing\.cedar cannot be read/],
    [
      'a provider that is not installed',
      { models: { x: { provider: 'no-such-package', model: 'm' } } },
      /no-such-package/,
    ],
    [
      'a rule that only the restart makes possible',
      { auth, approvals: { separateApprover: true } },
      /^approvals\.separateApprover: needs a second principal/,
    ],
  ])('with %s changes nothing', async (_what, change, problem) => {
    const { client, reload, url } = await startTestGateway({ file: { models } });
    const problems = [expect.stringMatching(problem)];
    expect(await reload({ limits: { maxSteps: 1 }, ...change })).toEqual({ ok: false, problems });
    const { run } = await converse(client, { sessionKey: 's', text: '/call clock {}\n/then\n/say on', model: 'other' });
    expect(run.state).toBe('DONE');
    expect((await fetch(new URL('/readyz', url))).status).toBe(200);
  });

  test('does not move the policy into the folder of the file tools', async () => {
    const root = await createFolder();
    const policyFile = join(root, 'policy.cedar');
    await writeFile(policyFile, 'permit (principal, action, resource);');
    const { reload, gateway } = await startTestGateway({ file: { files: { root } } });
    const refused = await reload({ files: { root }, policyFile });
    expect(refused).toEqual({ ok: false, problems: [expect.stringContaining('holds the policy')] });
    await gateway.close(0);
    expect(await reload()).toEqual({ ok: false, problems: ['the server is stopping'] });
  });

  test('several at the same time are applied one after the other', async () => {
    const { client, reload } = await startTestGateway();
    await Promise.all([1, 2, 3].map((maxSteps) => reload({ limits: { maxSteps } })));
    const { gateway } = await client.send(GatewayDocument, {});
    expect(gateway.limits).toContainEqual(expect.objectContaining({ name: 'maxSteps', value: 3 }));
  });
});

describe('B103: a token that was revoked', () => {
  const both = {
    mode: 'tokens',
    tokens: [entry('kept', 'ada', ['read', 'write']), entry('revoked', 'ada', ['read', 'write'])],
  };
  const onlyKept = { auth: { ...both, tokens: both.tokens.slice(0, 1) } };

  test('loses its sockets and event streams and is refused; the other token keeps its subscription', async () => {
    const { url, reload } = await startGuarded({ auth: both });
    await using client = createTestClient(url, bearing('kept'));
    const { run } = await send(client, { sessionKey: 's', text: '/pace 5\n/words 100' });
    const seen: Event[] = [];
    const followed = (async () => {
      for await (const { runEvents } of client.follow(FollowRunDocument, { runId: run.id, after: null }))
        seen.push(runEvents);
    })();
    await until(() => seen.some(({ type }) => type === 'OUTPUT_DELTA'));
    const [kept, revoked] = [await subscribe(url, 'kept'), await subscribe(url, 'revoked')];
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream', ...bearing('revoked') };
    const stream = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query: approvals }) });

    expect(await reload(onlyKept)).toMatchObject({ ok: true, reloaded: ['auth.tokens'], revoked: 2 });
    await revoked.ended;
    expect(revoked.closed).toMatchObject([
      { code: 4403, reason: 'The token was revoked. Reconnect with another token.' },
    ]);
    await expect(stream.text()).rejects.toThrow();
    expect((await ask(url, viewerQuery, bearing('revoked'))).status).toBe(401);
    expect((await ask(url, viewerQuery, bearing('kept'))).status).toBe(200);
    expect(kept.closed).toEqual([]);
    await followed;
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.at(-1)).toMatchObject({ type: 'STATUS', to: 'DONE' });
  });

  test('cannot finish a request whose body arrives later', async () => {
    const { url, reload, gateway } = await startGuarded({ auth: both });
    const { hostname, port } = new URL(url);
    const body = JSON.stringify({
      query: 'mutation { sendMessage(input: {sessionKey: "late", text: "x"}) { __typename } }',
    });
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    const head = `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer revoked\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}expect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 100 /);
    expect(await reload(onlyKept)).toMatchObject({ ok: true, revoked: 1 });
    socket.write(body);
    if (!socket.closed) await once(socket, 'close');
    expect(await gateway.parts.database.reader.session.count()).toBe(0);
  });
});

describe('B103: MCP servers', () => {
  const server = bundledServer('changing-server');

  test('keep their process if they are the same, and end after their calls if they are removed', async () => {
    const list = join(await createFolder(), 'tools.json');
    await writeFile(list, JSON.stringify([{ name: 'work', description: 'Works.', inputSchema: { type: 'object' } }]));
    const kept = { command: process.execPath, args: [server, list] };
    const { client, reload } = await startTestGateway({ file: { mcpServers: { kept, everything } } });
    await untilServer(client, 'kept', 'READY');
    await untilServer(client, 'everything', 'READY');
    const processes = await descendantsRunning(list);
    const operation = calling(['everything__trigger-long-running-operation', { duration: 2, steps: 2 }]);
    const { run } = await send(client, { sessionKey: 'long', text: operation });
    await follow(client, run.id, { isLast: ({ type }) => type === 'TOOL_START' });

    const added = { command: process.execPath, args: [server, list, 'added'] };
    expect(await reload({ mcpServers: { added, kept } })).toMatchObject({
      reloaded: expect.arrayContaining(['mcpServers.everything', 'mcpServers.added']),
    });
    await untilServer(client, 'added', 'READY');
    const { gateway } = await client.send(GatewayDocument, {});
    expect(gateway.mcpServers.map(({ name }) => name)).toEqual(['added', 'kept']);
    expect(await descendantsRunning(list)).toEqual(expect.arrayContaining(processes));
    expect(resultOf(await follow(client, run.id))).toMatchObject({ ok: true });
    await until(async () => (await descendantsRunning('server-everything')).length === 0);
  });

  test('can be added to a gateway that had none', async () => {
    const { client, reload } = await startTestGateway();
    expect(await reload({ mcpServers: { everything } })).toMatchObject({ ok: true });
    await untilServer(client, 'everything', 'READY');
    expect(await reload()).toMatchObject({ reloaded: ['mcpServers.everything'] });
    expect((await client.send(GatewayDocument, {})).gateway.mcpServers).toEqual([]);
  });
});
