import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TestClient } from '../../client.ts';
import { GatewayDocument } from '../../generated/graphql.ts';
import { until } from '../gateway.ts';

const packages = join(import.meta.dirname, '../../../node_modules/@modelcontextprotocol');

/** The program of a server that nobody here wrote, as its package brings it. */
export const programOf = (name: 'server-everything' | 'server-filesystem') => join(packages, name, 'dist/index.js');

/** An entry of `mcpServers` for the everything server over stdio. */
export const everything = { command: process.execPath, args: [programOf('server-everything')] };

/** Waits until the server is in this state, and gives what the API says of it. */
export function untilServer(client: TestClient, name: string, state: string) {
  return until(async () => {
    const { gateway } = await client.send(GatewayDocument, {});
    return gateway.mcpServers.find((server) => server.name === name && server.state === state);
  });
}

/** The everything server over streamable HTTP, on a port of its own. */
export async function startHttpServer(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [programOf('server-everything'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => endNow(child));
  for await (const chunk of child.stderr ?? []) if (String(chunk).includes('listening')) break;
  child.stderr?.resume();
  return child;
}

export async function endNow(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Processes below this one whose command line holds a text. */
export async function childrenRunning(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const id of await childrenOf(process.pid)) {
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text)) found.push(id);
  }
  return found;
}

async function childrenOf(parent: number): Promise<number[]> {
  const text = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
  const direct = text.split(' ').filter(Boolean).map(Number);
  return [...direct, ...(await Promise.all(direct.map(childrenOf))).flat()];
}
