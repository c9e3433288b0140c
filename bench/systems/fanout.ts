import { join } from 'node:path';
import { type GraphqlSocket, openGraphqlSocket } from '../load/graphql-socket.ts';
import { openHttp, postRequest } from '../load/http-connection.ts';
import { promptText } from '../model/prompt.ts';
import { startProcess } from '../processes/child.ts';
import { benchFolder } from '../processes/folders.ts';
import { newSessionKey, sendMessage } from './runtape.ts';
import { startRuntape } from './runtape-server.ts';

/** A run that many clients follow, or its equivalent in another system. */
export interface FollowedRun {
  /** What each follower subscribes to; null if the server sends events without a subscription. */
  subscription: { query: string; variables: Record<string, unknown> } | null;
  /** Starts the events. After the last one, every subscription is completed. */
  begin(): Promise<void>;
  /** Requests the next event, and the end; null if the server creates events by itself. */
  source: { next(): void; end(): void } | null;
}

export interface FanoutServer {
  url: string;
  processId: number;
  /** @param seconds how long the server creates events, if it creates them by itself */
  createRun(seconds: number): Promise<FollowedRun>;
  stop(): Promise<void>;
}

const query = `subscription Follow($runId: ID!) {
  runEvents(runId: $runId, types: [OUTPUT_DELTA]) { __typename seq cursor type ... on OutputDeltaEvent { text } }
}`;

const CANCEL = 'mutation Cancel($input: CancelRunInput!) { cancelRun(input: $input) { __typename } }';

/** Makes a message about 255 bytes long, like those of the other systems. */
const TOKEN_CHARACTERS = 80;

/** Creates a run that waits in its session behind another run until `begin` cancels that one. */
export async function createQueuedRun(client: GraphqlSocket, text: string): Promise<Omit<FollowedRun, 'source'>> {
  const sessionKey = newSessionKey();
  const holdText = promptText({ tokens: 1, paceMilliseconds: 0, behaviour: 'hold' });
  const blocking = await sendMessage(client, { sessionKey, text: holdText });
  const { run } = await sendMessage(client, { sessionKey, text });
  return {
    subscription: { query, variables: { runId: run.id } },
    async begin() {
      await client.request(CANCEL, { input: { runId: blocking.run.id } });
    },
  };
}

/** The model sends a token on request. At its own pace, tokens that wait for delivery would become one event. */
export async function startRuntapeFanout(modelUrl: string): Promise<FanoutServer> {
  const server = await startRuntape({ modelUrl });
  const client = await openGraphqlSocket(server.url);
  const model = await openHttp(modelUrl);
  const post = (path: string) => {
    model.send(postRequest(new URL(path, modelUrl).href, {})).catch(() => undefined);
  };
  const source = { next: () => post('/step'), end: () => post('/end') };
  const text = promptText({ tokens: 1, paceMilliseconds: 0, tokenCharacters: TOKEN_CHARACTERS, behaviour: 'step' });
  return {
    url: server.url,
    processId: server.processId,
    createRun: async () => ({ ...(await createQueuedRun(client, text)), source }),
    async stop() {
      model.close();
      client.close();
      await server.stop();
    },
  };
}

async function startPeerFanout(
  file: string,
  path: string,
  subscription: FollowedRun['subscription'],
): Promise<FanoutServer> {
  const { url, processId, stop } = await startProcess({
    script: join(benchFolder, 'peers', file),
    folder: benchFolder,
  });
  return {
    url: `${url}${path}`,
    processId,
    stop: () => stop(),
    async createRun(seconds) {
      return {
        subscription,
        source: null,
        async begin() {
          await fetch(`${url}/${seconds}`, { method: 'POST' });
        },
      };
    },
  };
}

export function startGraphqlWsFanout(): Promise<FanoutServer> {
  return startPeerFanout('graphql-ws.mjs', '/graphql', { query, variables: { runId: 'run' } });
}

export function startRawWsFanout(): Promise<FanoutServer> {
  return startPeerFanout('raw-ws.mjs', '/', null);
}
