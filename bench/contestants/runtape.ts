import { type GraphqlSocket, openGraphqlSocket } from '../load/graphql-socket.ts';
import type { Contestant, Ride } from './contestant.ts';
import { createRide } from './ride.ts';
import { startRuntape } from './runtape-server.ts';

export const SEND = `mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) { __typename ... on SendMessageSuccess { run { id } cursor } ... on Error { message } }
}`;

export const FOLLOW = `subscription Follow($runId: ID!, $after: String) {
  runEventBatches(runId: $runId, after: $after) {
    events { __typename seq ... on OutputDeltaEvent { text } ... on StatusEvent { to } }
    cursor
    closed
  }
}`;

export interface Sent {
  sendMessage: { __typename: string; run: { id: string }; cursor: string; message?: string };
}

interface Followed {
  runEventBatches: { events: { __typename: string; seq: number; text?: string; to?: string }[]; closed: boolean };
}

export async function sendMessage(client: GraphqlSocket, input: Record<string, unknown>): Promise<Sent['sendMessage']> {
  const { sendMessage: sent } = await client.ask<Sent>(SEND, { input });
  if (sent.__typename !== 'SendMessageSuccess') throw new Error(`${sent.__typename}: ${sent.message}`);
  return sent;
}

const RESOLVE = `mutation Resolve($input: ResolveSessionInput!) {
  resolveSession(input: $input) { ... on ResolveSessionSuccess { session { id } } }
}`;

/** The id of the session with this key, which is made where there is none. */
export async function resolveSession(client: GraphqlSocket, key: string): Promise<string> {
  const found = await client.ask<{ resolveSession: { session: { id: string } } }>(RESOLVE, { input: { key } });
  return found.resolveSession.session.id;
}

let sessions = 0;
/** Differs from those of every other benchmark on the same file. */
const beginning = Date.now().toString(36);

export function newSessionKey(): string {
  sessions += 1;
  return `bench-${beginning}-${sessions}`;
}

/** Sends a message and follows its run to the end, as the README tells users to, over one WebSocket. */
export async function talk(client: GraphqlSocket, sessionKey: string, text: string, timed: boolean): Promise<Ride> {
  const ride = createRide(timed);
  const { run, cursor } = await sendMessage(client, { sessionKey, text });
  let state = '';
  await client.follow<Followed>(FOLLOW, { runId: run.id, after: cursor }, ({ runEventBatches: { events } }) => {
    for (const event of events) {
      if (event.text !== undefined) ride.heard(event.text);
      if (event.to !== undefined) state = event.to;
    }
  });
  return ride.end(state === 'DONE');
}

/** Every message begins a session of its own, as it does with the others. */
export function runtape(databaseUrl?: string): Contestant {
  return {
    name: databaseUrl ? 'Runtape, Postgres' : 'Runtape',
    async start(modelUrl) {
      const server = await startRuntape({ modelUrl, environment: databaseUrl ? { DATABASE_URL: databaseUrl } : {} });
      return {
        processId: server.processId,
        stop: server.stop,
        async connect() {
          const client = await openGraphqlSocket(server.url);
          return { talk: (text, timed) => talk(client, newSessionKey(), text, timed), close: client.close };
        },
      };
    },
  };
}
