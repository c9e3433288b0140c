import { randomUUID } from 'node:crypto';
import { createEventStreamClient } from '../load/event-stream.ts';
import { type GraphqlSocket, openGraphqlSocket } from '../load/graphql-socket.ts';
import { now } from '../measure/clock.ts';
import { promptText } from '../model/prompt.ts';
import { startLangGraph } from './langgraph.ts';
import { newSessionKey, sendMessage } from './runtape.ts';
import { startRuntape } from './runtape-server.ts';

/** Milliseconds after a person has allowed a tool call. */
export interface ApprovalTiming {
  /** Until the next event of the run: the start of the tool, or its result if the server does not report the start. */
  nextEvent: number;
  toolResult: number;
  /** Until the first token of the model's next response. */
  nextToken: number;
}

/** A server whose model calls a tool that needs approval. */
export interface ApprovalServer {
  processId: number;
  /** Starts a run, allows its tool call as soon as approval is requested, and follows the run to its end. */
  approve(): Promise<ApprovalTiming>;
  stop(): Promise<void>;
}

const text = promptText({ tokens: 5, paceMilliseconds: 0, behaviour: 'call=files_write' });

const FOLLOW = `subscription Follow($runId: ID!, $after: String) {
  runEventBatches(runId: $runId, after: $after) {
    events { __typename ... on ApprovalRequestEvent { approval { id } } ... on StatusEvent { to } ... on ToolResultEvent { ok }
      ... on OutputDeltaEvent { text } }
    closed
  }
}`;

interface FollowData {
  runEventBatches: {
    events: { __typename: string; approval?: { id: string }; to?: string; ok?: boolean; text?: string }[];
  };
}

const DECIDE = `mutation Decide($input: DecideApprovalInput!) {
  decideApproval(input: $input) { __typename ... on Error { message } }
}`;

interface DecideData {
  decideApproval: { __typename: string; message?: string };
}

/** As `ApprovalServer.approve`, in a session of Runtape. */
export async function approveCall(client: GraphqlSocket, sessionKey: string): Promise<ApprovalTiming> {
  const { run, cursor } = await sendMessage(client, { sessionKey, text });
  const times = { allowed: 0, started: 0, result: 0, token: 0 };
  let isDone = false;
  let decision = Promise.resolve();
  const decide = async (approvalId: string) => {
    times.allowed = now();
    const { decideApproval } = await client.request<DecideData>(DECIDE, { input: { approvalId, decision: 'ALLOW' } });
    if (decideApproval.__typename !== 'DecideApprovalSuccess') throw new Error(decideApproval.message);
  };
  await client.subscribe<FollowData>(FOLLOW, { runId: run.id, after: cursor }, ({ runEventBatches: { events } }) => {
    for (const { __typename: type, approval, to, ok, text: token } of events) {
      if (approval) decision = decide(approval.id);
      if (type === 'ToolStartEvent') times.started = now();
      if (ok) times.result = now();
      if (token && times.token === 0) times.token = now();
      if (to === 'DONE') isDone = true;
    }
  });
  await decision;
  if (!isDone || times.result === 0 || times.token === 0)
    throw new Error('The run did not continue after the approval.');
  return {
    nextEvent: times.started - times.allowed,
    toolResult: times.result - times.allowed,
    nextToken: times.token - times.allowed,
  };
}

export async function startRuntapeApprovals(modelUrl: string): Promise<ApprovalServer> {
  const server = await startRuntape({ modelUrl });
  const client = await openGraphqlSocket(server.url);
  return {
    processId: server.processId,
    approve: () => approveCall(client, newSessionKey()),
    async stop() {
      client.close();
      await server.stop();
    },
  };
}

export async function startLangGraphApprovals(modelUrl: string): Promise<ApprovalServer> {
  const server = await startLangGraph(modelUrl);
  const client = createEventStreamClient(server.url);
  return {
    processId: server.processId,
    async approve() {
      const thread = randomUUID();
      let isInterrupted = false;
      const hasNode = (event: Record<string, unknown>, name: string) =>
        Array.isArray(event.nodes) && event.nodes.includes(name);
      await client.post({ thread, text, updates: true }, (event) => {
        if (hasNode(event, '__interrupt__')) isInterrupted = true;
      });
      const allowed = now();
      const times = { next: 0, result: 0, token: 0 };
      await client.post({ thread, allow: true, updates: true }, (event) => {
        if (times.next === 0) times.next = now();
        if (hasNode(event, 'tools')) times.result = now();
        if (event.type === 'token' && event.text !== '' && times.token === 0) times.token = now();
      });
      if (!isInterrupted || times.result === 0 || times.token === 0) {
        throw new Error('The graph did not continue after the approval.');
      }
      return {
        nextEvent: times.next - allowed,
        toolResult: times.result - allowed,
        nextToken: times.token - allowed,
      };
    },
    async stop() {
      client.close();
      await server.stop();
    },
  };
}
