import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AnswerQuestionDocument, OpenQuestionsDocument, ToolsDocument } from '../../generated/graphql.ts';
import { converse, follow, send } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { freePort, kill, resultOf, startHttpServer, untilServer } from './mcp-programs.ts';

const entryFor = (port: number) => ({ url: `http://127.0.0.1:${port}/mcp` });
const allowed = {
  'trigger-elicitation-request': { risk: 'LOW' },
  'trigger-url-elicitation': { risk: 'LOW' },
};
const echo = (message: string) => calling(['remote__echo', { message }]);

describe('B45: a server over streamable HTTP', () => {
  test('lists its tools, is called, and gets a termination request when the gateway stops', async () => {
    const port = await freePort();
    const server = await startHttpServer(port);
    const { client, gateway } = await startTestGateway({ file: { mcpServers: { remote: entryFor(port) } } });
    await untilServer(client, 'remote', 'READY');
    const { tools } = await client.send(ToolsDocument, {});
    expect(tools.find(({ name }) => name === 'remote__echo')).toMatchObject({ source: 'remote', risk: 'LOW' });
    const { events } = await converse(client, { sessionKey: 'http', text: echo('over HTTP') });
    expect(resultOf(events)).toMatchObject({ ok: true, output: 'Echo: over HTTP' });
    await gateway.close(0);
    await until(async () => server.output().includes('Received session termination request'));
  });

  test('B96: asks persons with a form, and with a link', async () => {
    const port = await freePort();
    await startHttpServer(port);
    const remote = { ...entryFor(port), elicitation: true, tools: allowed };
    const { client } = await startTestGateway({ file: { mcpServers: { remote } } });
    await untilServer(client, 'remote', 'READY');
    const ask = async (tool: string, input: object) => {
      const { run } = await send(client, { sessionKey: tool, text: calling([`remote__${tool}`, input]) });
      const question = await until(async () => {
        const { waits } = await client.send(OpenQuestionsDocument, {});
        return waits.edges.map(({ node }) => node).find((node) => node.runId === run.id);
      }, 'the server asks');
      if (question.__typename !== 'Question') throw new Error('There is no question.');
      return { run, question };
    };
    const form = await ask('trigger-elicitation-request', {});
    expect(form.question.answerSchema).toMatchObject({ required: ['name'], additionalProperties: false });
    const answer = { name: 'Ada', check: true, email: 'ada@example.com', integer: 5 };
    const input = { questionId: form.question.id, action: 'ANSWER' as const, answer };
    expect((await client.send(AnswerQuestionDocument, { input })).answerQuestion.__typename).toBe(
      'AnswerQuestionSuccess',
    );
    expect(JSON.stringify(resultOf(await follow(client, form.run.id)))).toContain('ada@example.com');
    const link = await ask('trigger-url-elicitation', { url: 'https://example.com/verify' });
    expect(link.question).toMatchObject({ url: 'https://example.com/verify', answerSchema: { type: 'null' } });
    const consent = { questionId: link.question.id, action: 'ANSWER' as const, answer: null };
    await client.send(AnswerQuestionDocument, { input: consent });
    expect(resultOf(await follow(client, link.run.id))).toMatchObject({ ok: true });
  });

  test('that is killed during a call and started again fails the call with the reason, and its tools come back', async () => {
    const port = await freePort();
    const server = await startHttpServer(port);
    const { client } = await startTestGateway({ file: { mcpServers: { remote: entryFor(port) } } });
    await untilServer(client, 'remote', 'READY');
    const operation = calling(['remote__trigger-long-running-operation', { duration: 60, steps: 60 }]);
    const { run } = await send(client, { sessionKey: 'killed', text: operation });
    await follow(client, run.id, { isLast: ({ type }) => type === 'TOOL_START' });
    await kill(server.child);
    expect(resultOf(await follow(client, run.id))).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^The MCP server "remote" is not running: /),
    });
    const whileLost = await converse(client, { sessionKey: 'killed', text: echo('lost') });
    expect(resultOf(whileLost.events).error).toMatch(/^The MCP server "remote" is not running: /);
    await startHttpServer(port);
    await until(async () => (await untilServer(client, 'remote', 'READY')).lastError);
    const restored = await converse(client, { sessionKey: 'killed', text: echo('again') });
    expect(resultOf(restored.events)).toMatchObject({ ok: true, output: 'Echo: again' });
  });

  test('that is replaced by one without the session gets a new session', async () => {
    const port = await freePort();
    const first = await startHttpServer(port);
    const { client } = await startTestGateway({ file: { mcpServers: { remote: entryFor(port) } } });
    await untilServer(client, 'remote', 'READY');
    await kill(first.child);
    await startHttpServer(port);
    await until(async () => {
      const { events } = await converse(client, { sessionKey: 'replaced', text: echo('found') });
      return resultOf(events).output === 'Echo: found';
    });
  });

  test('that is not running yet does not delay the gateway, and is found when it starts', async () => {
    const port = await freePort();
    const { client } = await startTestGateway({ file: { mcpServers: { remote: entryFor(port) } } });
    expect((await untilServer(client, 'remote', 'RESTARTING')).lastError).toContain('ECONNREFUSED');
    await startHttpServer(port);
    await untilServer(client, 'remote', 'READY');
  });

  test('gets the headers of its entry, with environment variables', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end('unknown client');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const remote = { ...entryFor(port), headers: { Authorization: `Bearer $\{TICKETS_TOKEN}` } };
    const environment = { TICKETS_TOKEN: 'secret-word' };
    const { client } = await startTestGateway({ file: { mcpServers: { remote } }, environment });
    const { lastError } = await untilServer(client, 'remote', 'RESTARTING');
    expect(seen[0]).toBe('Bearer secret-word');
    expect(lastError).toContain('unknown client');
    expect(lastError).not.toContain('secret-word');
  });
});
