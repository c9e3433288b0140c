import { type Client, createClient } from 'graphql-ws';
import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { TypedDocumentString } from '../../generated/graphql.ts';

export interface Result<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: Record<string, unknown> }[];
}

export interface SocketClient {
  client: Client;
  /** Breaks the connection as a lost network does: no closing words. */
  cut(): void;
  /** How the last connection was closed. */
  closed: Promise<{ code: number; reason: string }>;
}

/** The client of graphql-ws with its hand on the raw socket. */
export function openSocket(url: string, principal = 'ada'): SocketClient {
  const sockets: WebSocket[] = [];
  class Watched extends WebSocket {
    constructor(...parameters: ConstructorParameters<typeof WebSocket>) {
      super(...parameters);
      sockets.push(this);
    }
  }
  let reportClosed = (_: { code: number; reason: string }) => {};
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    reportClosed = resolve;
  });
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: Watched,
    connectionParams: { 'x-principal': principal },
    retryAttempts: 0,
    lazy: true,
    lazyCloseTimeout: 0,
    on: { closed: (event) => reportClosed(event as { code: number; reason: string }) },
  });
  onTestFinished(async () => client.dispose());
  const cut = () => {
    for (const socket of sockets) socket.terminate();
  };
  return { client, cut, closed };
}

/** Results of one operation, as they come. Ends at its completion; throws what the client reports. */
export function iterate<Data, Variables>(
  { client }: SocketClient,
  document: TypedDocumentString<Data, Variables> | string,
  variables?: Variables,
): AsyncIterableIterator<Result<Data>> {
  const payload = { query: document.toString(), variables: variables as Record<string, unknown> };
  return client.iterate(payload) as AsyncIterableIterator<Result<Data>>;
}

/** What the client reports of an operation that fails: errors of GraphQL, or how the socket was closed. */
export async function failureOf(results: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of results) {
      // What comes before the failure does not count here.
    }
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}
