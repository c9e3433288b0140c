import { type GraphqlSocket, openGraphqlSocket } from '../load/graphql-socket.ts';
import type { ChatClient, ChatSystem, MessageTiming } from './chat-system.ts';
import { createMessageTimer } from './message-timer.ts';
import { type RuntapeServer, startRuntape } from './runtape-server.ts';

const SEND_MESSAGE = `mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) { __typename ... on SendMessageSuccess { run { id } cursor } ... on Error { message } }
}`;

export const FOLLOW_RUN = `subscription Follow($runId: ID!, $after: String) {
  runEventBatches(runId: $runId, after: $after) {
    events { __typename seq ... on OutputDeltaEvent { text } ... on StatusEvent { to } }
    cursor
    closed
  }
}`;

interface SendMessageData {
  sendMessage: { __typename: string; run: { id: string }; cursor: string; message?: string };
}

interface FollowRunData {
  runEventBatches: { events: { __typename: string; seq: number; text?: string; to?: string }[]; closed: boolean };
}

export async function sendMessage(
  client: GraphqlSocket,
  input: Record<string, unknown>,
): Promise<SendMessageData['sendMessage']> {
  const { sendMessage: outcome } = await client.request<SendMessageData>(SEND_MESSAGE, { input });
  if (outcome.__typename !== 'SendMessageSuccess') throw new Error(`${outcome.__typename}: ${outcome.message}`);
  return outcome;
}

const RESOLVE_SESSION = `mutation Resolve($input: ResolveSessionInput!) {
  resolveSession(input: $input) { ... on ResolveSessionSuccess { session { id } } }
}`;

/** Returns the id of the session with this key. Creates the session if it does not exist. */
export async function resolveSession(client: GraphqlSocket, key: string): Promise<string> {
  const { resolveSession: outcome } = await client.request<{ resolveSession: { session: { id: string } } }>(
    RESOLVE_SESSION,
    { input: { key } },
  );
  return outcome.session.id;
}

let sessionCount = 0;
/** Differs between benchmarks that use the same database. */
const keyPrefix = Date.now().toString(36);

export function newSessionKey(): string {
  sessionCount += 1;
  return `bench-${keyPrefix}-${sessionCount}`;
}

/** Sends a message and follows its run to the end over one WebSocket, as the README describes it. */
export async function sendAndFollow(
  client: GraphqlSocket,
  message: { sessionKey: string; text: string },
  recordDelays = false,
): Promise<MessageTiming> {
  const timer = createMessageTimer(recordDelays);
  const { run, cursor } = await sendMessage(client, message);
  let state = '';
  await client.subscribe<FollowRunData>(
    FOLLOW_RUN,
    { runId: run.id, after: cursor },
    ({ runEventBatches: { events } }) => {
      for (const event of events) {
        if (event.text !== undefined) timer.received(event.text);
        if (event.to !== undefined) state = event.to;
      }
    },
  );
  return timer.finish(state === 'DONE');
}

/** Each message starts a new session, like the messages to the other systems. */
export const runtapeClient = (client: GraphqlSocket): ChatClient => ({
  send: (text, recordDelays) => sendAndFollow(client, { sessionKey: newSessionKey(), text }, recordDelays),
  close: client.close,
});

export function runtape(databaseUrl?: string): ChatSystem {
  return {
    name: databaseUrl ? 'Runtape, Postgres' : 'Runtape',
    async start(modelUrl) {
      const server = await startRuntape({ modelUrl, environment: databaseUrl ? { DATABASE_URL: databaseUrl } : {} });
      return {
        processId: server.processId,
        stop: server.stop,
        connect: async () => runtapeClient(await openGraphqlSocket(server.url)),
      };
    },
  };
}

/** Servers on one Postgres. Clients connect to them in turn. */
export function runtapeServers(databaseUrl: string, count: number): ChatSystem {
  return {
    name: count === 1 ? 'one server' : `${count} servers`,
    async start(modelUrl) {
      const servers: RuntapeServer[] = [];
      // The first one creates the tables.
      while (servers.length < count) {
        servers.push(await startRuntape({ modelUrl, environment: { DATABASE_URL: databaseUrl } }));
      }
      const urls = servers.map(({ url }) => url);
      let connected = 0;
      return {
        processId: servers[0]?.processId ?? 0,
        async stop() {
          await Promise.all(servers.map((server) => server.stop()));
        },
        async connect() {
          connected += 1;
          return runtapeClient(await openGraphqlSocket(urls[connected % count] ?? ''));
        },
      };
    },
  };
}
