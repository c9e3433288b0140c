import { join } from 'node:path';
import { type GraphqlSocket, openGraphqlSocket } from '../load/graphql-socket.ts';
import { openHttp, postRequest } from '../load/http-connection.ts';
import { promptText } from '../model/prompt.ts';
import { start } from '../processes/child.ts';
import { benchFolder } from '../processes/places.ts';
import { newSessionKey, sendMessage } from './runtape.ts';
import { startRuntape } from './runtape-server.ts';

/** One run, or what stands for it, that many follow. */
export interface Stage {
  /** What a follower asks for; null where everything comes unasked. */
  subscription: { query: string; variables: Record<string, unknown> } | null;
  /** Lets events come; afterwards every subscription is completed. */
  begin(): Promise<void>;
  /** Where the events are made outside: asks for the next one, and for the end. Null where the server makes them itself. */
  source: { next(): void; end(): void } | null;
}

export interface Crowd {
  url: string;
  processId: number;
  /** @param seconds for which events come, where the server makes them */
  stage(seconds: number): Promise<Stage>;
  stop(): Promise<void>;
}

const query = `subscription Follow($runId: ID!) {
  runEvents(runId: $runId, types: [OUTPUT_DELTA]) { __typename seq cursor type ... on OutputDeltaEvent { text } }
}`;

const CANCEL = 'mutation Cancel($input: CancelRunInput!) { cancelRun(input: $input) { __typename } }';

/** With what stands around it a message then has about 255 bytes, as those of the peers have. */
const TOKEN_CHARACTERS = 80;

/** A run that waits in its session behind another one until everybody follows it. */
export async function stageRun(client: GraphqlSocket, text: string): Promise<Omit<Stage, 'source'>> {
  const sessionKey = newSessionKey();
  const waiting = promptText({ tokens: 1, pace: 0, more: 'hold' });
  const before = await sendMessage(client, { sessionKey, text: waiting });
  const { run } = await sendMessage(client, { sessionKey, text });
  return {
    subscription: { query, variables: { runId: run.id } },
    async begin() {
      await client.ask(CANCEL, { input: { runId: before.run.id } });
    },
  };
}

/** The model says a word when it is told to: at its own pace, words that are not yet delivered would become one event. */
export async function runtapeCrowd(modelUrl: string): Promise<Crowd> {
  const server = await startRuntape({ modelUrl });
  const client = await openGraphqlSocket(server.url);
  const model = await openHttp(modelUrl);
  const tell = (path: string) => {
    model.send(postRequest(new URL(path, modelUrl).href, {})).catch(() => undefined);
  };
  const source = { next: () => tell('/step'), end: () => tell('/end') };
  const text = promptText({ tokens: 1, pace: 0, width: TOKEN_CHARACTERS, more: 'step' });
  return {
    url: server.url,
    processId: server.processId,
    stage: async () => ({ ...(await stageRun(client, text)), source }),
    async stop() {
      model.close();
      client.close();
      await server.stop();
    },
  };
}

async function peerCrowd(file: string, path: string, subscription: Stage['subscription']): Promise<Crowd> {
  const { url, processId, stop } = await start({ script: join(benchFolder, 'peers', file), folder: benchFolder });
  return {
    url: `${url}${path}`,
    processId,
    stop: () => stop(),
    async stage(seconds) {
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

export function graphqlWsCrowd(): Promise<Crowd> {
  return peerCrowd('graphql-ws.mjs', '/graphql', { query, variables: { runId: 'run' } });
}

export function rawCrowd(): Promise<Crowd> {
  return peerCrowd('raw-ws.mjs', '/', null);
}
