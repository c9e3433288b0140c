import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultOf } from '@graphql-typed-document-node/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { createTestClient, GraphqlFailure } from '../../client.ts';
import { FollowRunDocument, type SendMessageInput } from '../../generated/graphql.ts';
import { type Event, type Sent, send } from '../../integration/conversation.ts';
import { poll } from '../../until.ts';

/** URLs of the servers that a load balancer would choose from. */
type Servers = () => string[];

const PAUSE_MILLISECONDS = 50;

const randomUrl = (urls: string[]): string => urls[Math.floor(Math.random() * urls.length)] ?? 'http://127.0.0.1:9';

/** A client that follows a run to its end and reconnects to any server. */
export interface ReconnectingFollower {
  events: Event[];
  /** Resolves at the end of the run. Rejects with any error that reconnecting does not hide. */
  ended: Promise<void>;
}

export function followWithReconnects(servers: Servers, runId: string): ReconnectingFollower {
  const events: Event[] = [];
  const ended = read(servers, runId, events);
  // The test awaits it last: an early rejection must not be reported as unhandled.
  ended.catch(() => undefined);
  return { events, ended };
}

async function read(servers: Servers, runId: string, events: Event[]): Promise<void> {
  const client = createClient({
    url: () => randomUrl(servers()).replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: () => sleep(PAUSE_MILLISECONDS),
    shouldRetry: () => true,
  });
  // graphql-ws sends this object with every reconnect: `after` is updated in place.
  const variables: { runId: string; after: string | null } = { runId, after: null };
  const query = FollowRunDocument.toString();
  try {
    for await (const { data, errors } of client.iterate<ResultOf<typeof FollowRunDocument>>({ query, variables })) {
      if (errors || !data) throw new GraphqlFailure({ errors: errors?.map(({ message }) => ({ message })) });
      events.push(data.runEvents);
      variables.after = data.runEvents.cursor;
    }
  } finally {
    await client.dispose();
  }
}

/** Sends a message with an idempotency key until a server answers. Retries only failed connections, for 60 seconds. */
export function sendWithRetries(servers: Servers, input: SendMessageInput): Promise<Sent> {
  const attempt = async () => {
    await using client = createTestClient(randomUrl(servers()));
    return await send(client, input).catch((error: unknown) => {
      if (isConnectionFailure(error)) return null;
      throw error;
    });
  };
  return poll(attempt, { description: 'an answer of a server', seconds: 60 });
}

/** undici rejects with one of these codes when there was no response. */
function isConnectionFailure(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'UND_ERR_SOCKET';
}
