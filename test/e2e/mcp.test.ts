import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../integration/gateway.ts';
import { programOf } from '../integration/tools/mcp-programs.ts';
import { serverFolder } from './fixtures.ts';
import type { ServerProcess } from './server-process.ts';

const program = programOf('server-everything');
const everything = { command: process.execPath, args: [program] };

/** The process id of the MCP server that the gateway has started. */
async function mcpProcessOf({ processId, untilPrinted: prints }: ServerProcess): Promise<number> {
  await prints('an MCP server is ready');
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8').split(' ').map(Number);
  const child = children.find((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(program));
  if (child === undefined) throw new Error('The gateway has not started the MCP server.');
  return child;
}

async function untilExited(processId: number): Promise<void> {
  await until(() => !existsSync(`/proc/${processId}`), `process ${processId} to exit`);
}

// The processes are found in /proc.
test.runIf(process.platform === 'linux').each(['SIGTERM', 'SIGKILL'] as const)(
  'B45: no MCP server survives a gateway that is ended by %s',
  async (signal) => {
    const { start } = await serverFolder({ mcpServers: { everything } });
    const server = await start();
    const child = await mcpProcessOf(server);
    await server.stop(signal);
    await untilExited(child);
  },
);

test('B45: a gateway serves while its MCP servers are starting or cannot start', async () => {
  const never = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };
  const { start } = await serverFolder({ mcpServers: { never, missing: { command: '/there/is/none' } } });
  const server = await start();
  await server.untilPrinted('an MCP server is not running');
  const answer = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ gateway { mcpServers { name state } } }' }),
  });
  expect(await answer.json()).toEqual({
    data: {
      gateway: {
        mcpServers: [
          expect.objectContaining({ name: 'never', state: 'STARTING' }),
          expect.objectContaining({ name: 'missing', state: 'RESTARTING' }),
        ],
      },
    },
  });
  expect(await server.stop('SIGTERM')).toBe(0);
});

test('B45: a server with a variable that is not set is reported, and the gateway and other servers start', async () => {
  const entry = { ...everything, env: { TOKEN: `$\{TICKETS_TOKEN}` } };
  const { start } = await serverFolder({ mcpServers: { everything, unset: entry } });
  const server = await start();
  await server.untilPrinted('an MCP server is not started');
  await server.untilPrinted('an MCP server is ready');
  const answer = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ gateway { mcpServers { name state lastError } } }' }),
  });
  const lastError = 'The environment variable TICKETS_TOKEN is not set. Set it and restart the gateway.';
  expect(await answer.json()).toEqual({
    data: {
      gateway: {
        mcpServers: [
          { name: 'everything', state: 'READY', lastError: null },
          { name: 'unset', state: 'DISABLED', lastError },
        ],
      },
    },
  });
  expect(await server.stop('SIGTERM')).toBe(0);
});
