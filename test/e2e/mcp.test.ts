import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createHome, type ServerProcess } from './server-process.ts';

const program = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js');
const everything = { command: process.execPath, args: [program] };

/** The process of the MCP server that a gateway has started. */
async function childOf({ processId, prints }: ServerProcess): Promise<number> {
  await prints('an MCP server is ready');
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8').split(' ').map(Number);
  const child = children.find((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(program));
  if (child === undefined) throw new Error('The gateway has no such child.');
  return child;
}

async function untilGone(processId: number): Promise<void> {
  while (existsSync(`/proc/${processId}`)) await sleep(20);
}

// Processes are looked up where Linux shows them.
test.runIf(process.platform === 'linux').each(['SIGTERM', 'SIGKILL'] as const)(
  'B45: a gateway that ends by %s leaves no MCP server behind',
  async (signal) => {
    await using home = await createHome({ mcpServers: { everything } });
    const server = await home.start();
    const child = await childOf(server);
    await server.end(signal);
    await untilGone(child);
  },
);

test('B45: a gateway serves before its MCP servers are there, and when they never come', async () => {
  const never = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };
  await using home = await createHome({ mcpServers: { never, missing: { command: '/there/is/none' } } });
  const server = await home.start();
  await server.prints('an MCP server is not running');
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
  expect(await server.end('SIGTERM')).toBe(0);
});

test('a variable that is not set stops the start and is named with its place', async () => {
  const entry = { ...everything, env: { TOKEN: `$\{TICKETS_TOKEN}` } };
  await using home = await createHome({ mcpServers: { everything: entry } });
  const { code, stderr } = await home.run(['serve']);
  expect(code).toBe(1);
  expect(stderr).toContain('mcpServers.everything.env.TOKEN: the environment variable TICKETS_TOKEN is not set.');
});
