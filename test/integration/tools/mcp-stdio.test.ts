import { expect, test } from 'vitest';
import { ToolsDocument } from '../../generated/graphql.ts';
import { answerNext, converse, type follow, send, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { childrenRunning, everything, programOf, untilServer } from './mcp-programs.ts';

const resultOf = (events: Awaited<ReturnType<typeof follow>>) => {
  const found = events.find((event) => event.__typename === 'ToolResultEvent');
  if (found?.__typename !== 'ToolResultEvent') throw new Error('There is no result.');
  return found;
};

test('B45: the tools of a stdio server are listed with what their hints say, and called', async () => {
  const { client } = await startTestGateway({ file: { mcpServers: { everything } } });
  const server = await untilServer(client, 'everything', 'READY');
  expect(server.lastError).toBeNull();
  expect(server.tools.map(({ name }) => name)).toContain('everything__get-sum');
  const { tools } = await client.send(ToolsDocument, {});
  const echo = tools.find(({ name }) => name === 'everything__echo');
  expect(echo).toMatchObject({ source: 'everything', risk: 'LOW', idempotent: true, inputSchema: { type: 'object' } });
  const { run, events } = await converse(client, {
    sessionKey: 'sums',
    text: calling(['everything__get-sum', { a: 2, b: 40 }]),
  });
  expect(typesOf(events)).toEqual(expect.arrayContaining(['TOOL_CALL', 'TOOL_DECISION', 'TOOL_START', 'TOOL_RESULT']));
  expect(resultOf(events)).toMatchObject({ ok: true, output: 'The sum of 2 and 40 is 42.' });
  expect(run.state).toBe('DONE');
});
