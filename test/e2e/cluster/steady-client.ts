import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultOf } from '@graphql-typed-document-node/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { createTestClient, GraphqlFailure } from '../../client.ts';
import { FollowRunDocument, type SendMessageInput } from '../../generated/graphql.ts';
import { type Event, type Sent, send } from '../../integration/conversation.ts';

/** Addresses of the servers that a load balancer would send somebody to. */
type Servers = () => string[];

const PAUSE_MILLISECONDS = 50;

const anyOf = (urls: string[]): string => urls[Math.floor(Math.random() * urls.length)] ?? 'http://127.0.0.1:9';

/** Somebody who follows a run to its end, whatever becomes of servers. */
export interface SteadyFollower {
  seen: Event[];
  /** Resolves at the end of the run. Rejects at anything that the client's own reconnecting does not hide. */
  over: Promise<void>;
}

export function followSteadily(servers: Servers, runId: string): SteadyFollower {
  const seen: Event[] = [];
  const over = read(servers, runId, seen);
  // Looked at when everything else is done.
  over.catch(() => undefined);
  return { seen, over };
}

async function read(servers: Servers, runId: string, seen: Event[]): Promise<void> {
  const client = createClient({
    url: () => anyOf(servers()).replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: () => sleep(PAUSE_MILLISECONDS),
    shouldRetry: () => true,
  });
  // Sent again with each reconnection, as it is then.
  const variables: { runId: string; after: string | null } = { runId, after: null };
  const query = FollowRunDocument.toString();
  try {
    for await (const { data, errors } of client.iterate<ResultOf<typeof FollowRunDocument>>({ query, variables })) {
      if (errors || !data) throw new GraphqlFailure({ errors: errors?.map(({ message }) => ({ message })) });
      seen.push(data.runEvents);
      variables.after = data.runEvents.cursor;
    }
  } finally {
    await client.dispose();
  }
}

/** Sends with an idempotency key until a server answers; only a connection that fails is tried again. */
export async function sendSteadily(servers: Servers, input: SendMessageInput): Promise<Sent> {
  for (;;) {
    await using client = createTestClient(anyOf(servers()));
    try {
      return await send(client, input);
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
    }
    await sleep(PAUSE_MILLISECONDS);
  }
}

/** What `fetch` rejects with where no answer came. */
function isConnectionFailure(error: unknown): boolean {
  return error instanceof TypeError;
}
