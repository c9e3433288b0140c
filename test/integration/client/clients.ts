import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { type ClientOptions, createClient, type RuntapeClient } from '../../../client/src/client.ts';

/** A client that is closed at the end of the test. Node 20 has no global WebSocket. */
export function openClient(url: string, options: Partial<ClientOptions> = {}): RuntapeClient {
  const client = createClient({ url, webSocket: WebSocket, ...options });
  onTestFinished(() => client.close());
  return client;
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}
