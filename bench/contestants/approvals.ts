import { randomUUID } from 'node:crypto';
import { createEventStreamClient } from '../load/event-stream.ts';
import { type GraphqlSocket, openGraphqlSocket } from '../load/graphql-socket.ts';
import { now } from '../measure/clock.ts';
import { promptText } from '../model/prompt.ts';
import { startLangGraph } from './langgraph.ts';
import { newSessionKey, sendMessage } from './runtape.ts';
import { startRuntape } from './runtape-server.ts';

/** Milliseconds from the moment at which a person allowed a call. */
export interface Approved {
  /** Until the next event of the run that goes on: that the tool starts, or, where nothing is said of that, its result. */
  nextEvent: number;
  toolResult: number;
}

interface Decided {
  decideApproval: { __typename: string; message?: string };
}

/** A server whose model asks for a tool that a person must allow. */
export interface Asker {
  processId: number;
  /** Lets one run ask, allows it at once, and follows it to its end. */
  approve(): Promise<Approved>;
  stop(): Promise<void>;
}

const text = promptText({ tokens: 5, pace: 0, more: 'call=files_write' });

const FOLLOW = `subscription Follow($runId: ID!, $after: String) {
  runEventBatches(runId: $runId, after: $after) {
    events { __typename ... on ApprovalRequestEvent { approval { id } } ... on StatusEvent { to } ... on ToolResultEvent { ok } }
    closed
  }
}`;

const DECIDE = `mutation Decide($input: DecideApprovalInput!) {
  decideApproval(input: $input) { __typename ... on Error { message } }
}`;

interface Followed {
  runEventBatches: { events: { __typename: string; approval?: { id: string }; to?: string; ok?: boolean }[] };
}

/** Lets a run in this session ask, allows it at once, and follows it to its end. */
export async function approveOne(client: GraphqlSocket, sessionKey: string): Promise<Approved> {
  const { run, cursor } = await sendMessage(client, { sessionKey, text });
  const times = { allowed: 0, started: 0, result: 0 };
  let [isDone, decided] = [false, Promise.resolve()];
  const decide = async (approvalId: string) => {
    times.allowed = now();
    const input = { approvalId, decision: 'ALLOW' };
    const { decideApproval } = await client.ask<Decided>(DECIDE, { input });
    if (decideApproval.__typename !== 'DecideApprovalSuccess') throw new Error(decideApproval.message);
  };
  await client.follow<Followed>(FOLLOW, { runId: run.id, after: cursor }, ({ runEventBatches: { events } }) => {
    for (const { __typename: type, approval, to, ok } of events) {
      if (approval) decided = decide(approval.id);
      if (type === 'ToolStartEvent') times.started = now();
      if (ok) times.result = now();
      if (to === 'DONE') isDone = true;
    }
  });
  await decided;
  if (!isDone || times.result === 0) throw new Error('The run did not go on.');
  return { nextEvent: times.started - times.allowed, toolResult: times.result - times.allowed };
}

export async function runtapeAsker(modelUrl: string): Promise<Asker> {
  const server = await startRuntape({ modelUrl });
  const client = await openGraphqlSocket(server.url);
  return {
    processId: server.processId,
    approve: () => approveOne(client, newSessionKey()),
    async stop() {
      client.close();
      await server.stop();
    },
  };
}

export async function langGraphAsker(modelUrl: string): Promise<Asker> {
  const server = await startLangGraph(modelUrl);
  const client = createEventStreamClient(server.url);
  return {
    processId: server.processId,
    async approve() {
      const thread = randomUUID();
      let isAsked = false;
      const hasNode = (event: Record<string, unknown>, name: string) =>
        Array.isArray(event.nodes) && event.nodes.includes(name);
      await client.post({ thread, text, updates: true }, (event) => {
        if (hasNode(event, '__interrupt__')) isAsked = true;
      });
      const allowed = now();
      const times = { next: 0, result: 0 };
      await client.post({ thread, allow: true, updates: true }, (event) => {
        if (times.next === 0) times.next = now();
        if (hasNode(event, 'tools')) times.result = now();
      });
      if (!isAsked || times.result === 0) throw new Error('The graph did not go on.');
      return { nextEvent: times.next - allowed, toolResult: times.result - allowed };
    },
    async stop() {
      client.close();
      await server.stop();
    },
  };
}
