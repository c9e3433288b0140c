import { setTimeout as sleep } from 'node:timers/promises';
import { createTestClient, type TestClient } from '../client.ts';
import {
  CancelRunDocument,
  CreateAgentDocument,
  FollowRunDocument,
  SendMessageDocument,
  type SendMessageInput,
} from '../generated/graphql.ts';
import { type Observations, recordEvent } from './observations.ts';
import { settleSome } from './settle-waits.ts';

/** The servers of a campaign. Clients choose one for every request, as a load balancer would. */
export interface Servers {
  /** A random server; null while none serves. */
  pickUrl(): string | null;
  /** Aborts when clients send no more requests. Runs that were started are still followed to their end. */
  stopSignal: AbortSignal;
  /** Id of an agent whose budget asks, see `budgets` in counting-server.mjs. */
  budgetedAgentId: string;
}

const SESSIONS = 12;

export async function createBudgetedAgent(url: string): Promise<string> {
  await using client = createTestClient(url);
  const input = { name: 'budgeted', instructions: 'Be brief.' };
  const { createAgent } = await client.send(CreateAgentDocument, { input });
  if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(JSON.stringify(createAgent));
  return createAgent.agent.id;
}

/** Sends, steers, cancels and decides until the stop signal. Failed requests were not acknowledged and are not recorded. */
export async function sendRequests(
  servers: Servers,
  observations: Observations,
  random: () => number,
  name: string,
): Promise<void> {
  for (let count = 0; !servers.stopSignal.aborted; count += 1) {
    await attempt(servers, async (client) => {
      const choice = random();
      const sessionKey = `session-${Math.floor(random() * SESSIONS)}`;
      const agentId = random() < 0.3 ? servers.budgetedAgentId : null;
      const input = { sessionKey, agentId, text: script(random, `${name}-${count}`), clientTools: [pick] };
      if (choice < 0.55) await sendOne(client, observations, input);
      else if (choice < 0.65) await steerOne(client, observations, sessionKey, `/say steered-${name}-${count}`);
      else if (choice < 0.7) await cancelOne(client, observations, random);
      else await settleSome(client, observations, random);
    });
    await sleep(random() * 25);
  }
}

/** Tools of the server, and one of the client. Most wait: for an approval, an answer or the result of the client. */
const tools = ['stamp', 'stamp_idempotent', 'stamp_approved', 'ask_person', 'pick', 'shop__ask', 'shop__order'];

const pick = { name: 'pick', description: 'Lets the user pick.', inputSchema: { type: 'object' } };

function script(random: () => number, mark: string): string {
  const words = `/words ${1 + Math.floor(random() * 30)}`;
  const isMixed = random() < 0.3;
  const first = random();
  const calls = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) => {
    const tool = tools[Math.floor((isMixed ? random() : first) * tools.length)];
    const input = tool === 'ask_person' ? { prompt: `${mark}-${index}?` } : { mark: `${mark}-${index}` };
    return `/call ${tool} ${JSON.stringify(input)}`;
  });
  return random() < 0.4 ? words : [words, ...calls, '/then', '/echo'].join('\n');
}

async function sendOne(client: TestClient, observations: Observations, input: SendMessageInput): Promise<void> {
  const { sendMessage } = await client.send(SendMessageDocument, { input });
  if (sendMessage.__typename === 'SendMessageSuccess') observations.sent.set(sendMessage.run.id, input.text);
}

async function steerOne(
  client: TestClient,
  observations: Observations,
  sessionKey: string,
  text: string,
): Promise<void> {
  const { sendMessage } = await client.send(SendMessageDocument, { input: { sessionKey, text, whenBusy: 'STEER' } });
  if (sendMessage.__typename !== 'SendMessageSuccess') return;
  if (sendMessage.run.input === text) observations.sent.set(sendMessage.run.id, text);
  else observations.steered.set(text, sendMessage.run.id);
}

async function cancelOne(client: TestClient, observations: Observations, random: () => number): Promise<void> {
  const runs = [...observations.sent.keys()].slice(-20);
  const runId = runs[Math.floor(random() * runs.length)];
  if (!runId) return;
  const { cancelRun } = await client.send(CancelRunDocument, { input: { runId } });
  if (cancelRun.__typename === 'CancelRunSuccess') observations.cancelled.add(runId);
}

/** Follows every run that was sent, from start to end, and resumes with the cursor after each failure. */
export async function followRuns(servers: Servers, observations: Observations): Promise<void> {
  const following = new Set<string>();
  const followers: Promise<void>[] = [];
  for (let last = false; !last; last = servers.stopSignal.aborted) {
    for (const runId of observations.sent.keys()) {
      if (following.has(runId)) continue;
      following.add(runId);
      followers.push(followOne(servers, observations, runId));
    }
    await sleep(5);
  }
  await Promise.all(followers);
}

async function followOne(servers: Servers, observations: Observations, runId: string): Promise<void> {
  let after: string | null = null;
  let ended = false;
  while (!ended) {
    await attempt(servers, async (client) => {
      for await (const { runEvents: event } of client.follow(FollowRunDocument, { runId, after })) {
        recordEvent(observations, runId, event.seq, event.hash);
        after = event.cursor;
      }
      ended = true;
    });
    await sleep(10);
  }
}

async function attempt(servers: Servers, work: (client: TestClient) => Promise<void>): Promise<void> {
  const url = servers.pickUrl();
  if (url === null) return;
  const client = createTestClient(url);
  try {
    await work(client);
  } catch {
    // The server has died or is dying. The request was not acknowledged.
  } finally {
    await client[Symbol.asyncDispose]();
  }
}
