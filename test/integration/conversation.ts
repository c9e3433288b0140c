import type { ResultOf } from '@graphql-typed-document-node/core';
import type { TestClient } from '../client.ts';
import {
  DecideApprovalDocument,
  FollowRunDocument,
  RunByIdDocument,
  SendMessageDocument,
  type SendMessageInput,
} from '../generated/graphql.ts';

export type Event = ResultOf<typeof FollowRunDocument>['runEvents'];
export type Sent = Extract<ResultOf<typeof SendMessageDocument>['sendMessage'], { __typename: 'SendMessageSuccess' }>;

/** Sends a message. Rejects when it is refused. */
export async function send(client: TestClient, input: SendMessageInput): Promise<Sent> {
  const { sendMessage } = await client.send(SendMessageDocument, { input });
  if (sendMessage.__typename !== 'SendMessageSuccess') {
    throw new Error(`${sendMessage.__typename}: ${sendMessage.message}`);
  }
  return sendMessage;
}

/** The events of a run up to its end, or up to the first one for which `isLast` is true. */
export async function follow(
  client: TestClient,
  runId: string,
  options: { after?: string; isLast?(event: Event): boolean } = {},
): Promise<Event[]> {
  const events: Event[] = [];
  for await (const { runEvents } of client.follow(FollowRunDocument, { runId, after: options.after ?? null })) {
    events.push(runEvents);
    if (options.isLast?.(runEvents)) break;
  }
  return events;
}

/** Sends a message and waits for the end of its run. */
export async function converse(client: TestClient, input: SendMessageInput) {
  const { run } = await send(client, input);
  const events = await follow(client, run.id);
  return { runId: run.id, events, run: await runById(client, run.id) };
}

export async function runById(client: TestClient, id: string) {
  const { run } = await client.send(RunByIdDocument, { id });
  if (!run) throw new Error(`The run ${id} does not exist.`);
  return run;
}

/** Waits for the next approval request of a run, and decides it. */
export async function decideNextApproval(
  client: TestClient,
  runId: string,
  decision: 'ALLOW' | 'DENY',
  after?: string,
) {
  const events = await follow(client, runId, { after, isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = events.at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('The run ended without an approval request.');
  const approvalId = request.approval.id;
  const { decideApproval } = await client.send(DecideApprovalDocument, { input: { approvalId, decision } });
  return { approvalId, outcome: decideApproval, cursor: request.cursor };
}

export const typesOf = (events: readonly Event[]) => events.map(({ type }) => type);

export const transitionsOf = (events: readonly Event[]) =>
  events.flatMap((event) => (event.__typename === 'StatusEvent' ? [`${event.from ?? 'null'}→${event.to}`] : []));
