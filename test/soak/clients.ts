import { setTimeout as sleep } from 'node:timers/promises';
import { createTestClient, type TestClient } from '../client.ts';
import {
  ApprovalsDocument,
  CancelRunDocument,
  DecideApprovalDocument,
  FollowRunDocument,
  SendMessageDocument,
} from '../generated/graphql.ts';
import { type Ledger, show } from './ledger.ts';

/** Where servers are now; clients look one up for every request, as a load balancer would. */
export interface Place {
  /** Any of them; null where there is none. */
  pick(): string | null;
  /** Aborts when nothing new is to be said; what was said is followed to its end. */
  quiet: AbortSignal;
}

const SESSIONS = 12;

/** Keeps sending, steering, cancelling and deciding until it is to be quiet. What fails was not acknowledged. */
export async function keepTalking(place: Place, ledger: Ledger, random: () => number, name: string): Promise<void> {
  for (let count = 0; !place.quiet.aborted; count += 1) {
    await attempt(place, async (client) => {
      const choice = random();
      const sessionKey = `session-${Math.floor(random() * SESSIONS)}`;
      if (choice < 0.55) await sendOne(client, ledger, sessionKey, script(random, `${name}-${count}`));
      else if (choice < 0.65) await steerOne(client, ledger, sessionKey, `/say steered-${name}-${count}`);
      else if (choice < 0.7) await cancelOne(client, ledger, random);
      else await decideSome(client, ledger, random);
    });
    await sleep(random() * 25);
  }
}

function script(random: () => number, mark: string): string {
  const words = `/words ${1 + Math.floor(random() * 30)}`;
  const tool = ['stamp', 'again', 'asked'][Math.floor(random() * 3)];
  const calls = Array.from(
    { length: 1 + Math.floor(random() * 3) },
    (_, index) => `/call ${tool} {"mark":"${mark}-${index}"}`,
  );
  return random() < 0.4 ? words : [words, ...calls, '/then', '/echo'].join('\n');
}

async function sendOne(client: TestClient, ledger: Ledger, sessionKey: string, text: string): Promise<void> {
  const { sendMessage } = await client.send(SendMessageDocument, { input: { sessionKey, text } });
  if (sendMessage.__typename === 'SendMessageSuccess') ledger.sent.set(sendMessage.run.id, text);
}

async function steerOne(client: TestClient, ledger: Ledger, sessionKey: string, text: string): Promise<void> {
  const { sendMessage } = await client.send(SendMessageDocument, { input: { sessionKey, text, whenBusy: 'STEER' } });
  if (sendMessage.__typename !== 'SendMessageSuccess') return;
  if (sendMessage.run.input === text) ledger.sent.set(sendMessage.run.id, text);
  else ledger.steered.set(text, sendMessage.run.id);
}

async function cancelOne(client: TestClient, ledger: Ledger, random: () => number): Promise<void> {
  const runs = [...ledger.sent.keys()].slice(-20);
  const runId = runs[Math.floor(random() * runs.length)];
  if (!runId) return;
  const { cancelRun } = await client.send(CancelRunDocument, { input: { runId } });
  if (cancelRun.__typename === 'CancelRunSuccess') ledger.cancelled.add(runId);
}

/** Answers waiting questions; also those that ask whether an interrupted call may be repeated. */
export async function decideSome(client: TestClient, ledger: Ledger, random: () => number): Promise<number> {
  const { approvals } = await client.send(ApprovalsDocument, { first: 10, filter: { statuses: ['PENDING'] } });
  for (const { node } of approvals.edges) {
    const decision = random() < 0.7 ? 'ALLOW' : 'DENY';
    const input = { approvalId: node.id, decision } as const;
    const { decideApproval } = await client.send(DecideApprovalDocument, { input });
    if (decideApproval.__typename === 'DecideApprovalSuccess') {
      ledger.decided.set(node.id, decision === 'ALLOW' ? 'ALLOWED' : 'DENIED');
    }
  }
  return approvals.edges.length;
}

/** Follows runs as they are sent, each from its beginning to its end, coming back with the cursor after every cut. */
export async function keepFollowing(place: Place, ledger: Ledger): Promise<void> {
  const following = new Set<string>();
  const followers: Promise<void>[] = [];
  for (let last = false; !last; last = place.quiet.aborted) {
    for (const runId of ledger.sent.keys()) {
      if (following.has(runId)) continue;
      following.add(runId);
      followers.push(followOne(place, ledger, runId));
    }
    await sleep(5);
  }
  await Promise.all(followers);
}

async function followOne(place: Place, ledger: Ledger, runId: string): Promise<void> {
  let after: string | null = null;
  let ended = false;
  while (!ended) {
    await attempt(place, async (client) => {
      for await (const { runEvents: event } of client.follow(FollowRunDocument, { runId, after })) {
        show(ledger, runId, event.seq, event.hash);
        after = event.cursor;
      }
      ended = true;
    });
    await sleep(10);
  }
}

async function attempt(place: Place, work: (client: TestClient) => Promise<void>): Promise<void> {
  const url = place.pick();
  if (url === null) return;
  const client = createTestClient(url);
  try {
    await work(client);
  } catch {
    // The server is gone, or going: whatever this was, nobody was told that it is done.
  } finally {
    await client[Symbol.asyncDispose]();
  }
}
