import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { bundleOf } from '../../bundle.ts';
import type { TestClient } from '../../client.ts';
import { GatewayDocument } from '../../generated/graphql.ts';
import type { Event } from '../conversation.ts';
import { until } from '../gateway.ts';

const packages = join(import.meta.dirname, '../../../node_modules/@modelcontextprotocol');

/** The program of a published MCP server, bundled. */
export const programOf = (name: 'server-everything' | 'server-filesystem') =>
  bundleOf(join(packages, name, 'dist/index.js'), `${name}.mjs`);

/** An entry of `mcpServers` for the everything server over stdio. */
export const everything = { command: process.execPath, args: [programOf('server-everything')] };

/** Waits until the server is in this state. Returns it as the API shows it. */
export function untilServer(client: TestClient, name: string, state: string) {
  return until(async () => {
    const { gateway } = await client.send(GatewayDocument, {});
    return gateway.mcpServers.find((server) => server.name === name && server.state === state);
  });
}

/** The result of the only call of a run. */
export function resultOf(events: readonly Event[]) {
  const result = events.find((event) => event.__typename === 'ToolResultEvent');
  if (result?.__typename !== 'ToolResultEvent') throw new Error('There is no result.');
  const { ok, output, error } = result;
  return { ok, output, error };
}

export interface HttpServer {
  child: ChildProcess;
  /** Everything that it has printed. */
  output(): string;
}

/** Starts the everything server over streamable HTTP. Resolves when it listens. */
export async function startHttpServer(port: number): Promise<HttpServer> {
  const child = spawn(process.execPath, [programOf('server-everything'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => kill(child));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += String(chunk)));
  await until(async () => printed.includes('listening on port'));
  return { child, output: () => printed };
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A port that no process listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no port.');
  return address.port;
}

/** Ids of the descendants of this process whose command line contains a text. */
export async function descendantsRunning(text: string, parent = process.pid): Promise<number[]> {
  const listed = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
  const ids: number[] = [];
  for (const id of listed.split(' ').filter(Boolean).map(Number)) {
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text)) ids.push(id);
    ids.push(...(await descendantsRunning(text, id)));
  }
  return ids;
}

export const isRunning = (processId: number) => existsSync(`/proc/${processId}`);
