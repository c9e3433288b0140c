import type { TestClient } from '../../client.ts';
import { DecideApprovalDocument, type DecideApprovalInput } from '../../generated/graphql.ts';
import { follow, send } from '../conversation.ts';
import { calling } from '../counted-tool.ts';

/** Sends a message whose run calls the tool `count`. `approvalId` is null if no approval is requested. */
export async function callCount(client: TestClient, sessionKey: string, word = 'a') {
  const { run, session } = await send(client, { sessionKey, text: calling(['count', { word }]) });
  const events = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = events.at(-1);
  const decisionEvent = events.find((event) => event.__typename === 'ToolDecisionEvent');
  const decision = decisionEvent?.__typename === 'ToolDecisionEvent' ? decisionEvent : null;
  const approvalId = request?.__typename === 'ApprovalRequestEvent' ? request.approval.id : null;
  return { runId: run.id, sessionId: session.id, events, decision, approvalId };
}

/** Decides the approval that `callCount` returned. */
export async function decide(
  client: TestClient,
  approvalId: string | null,
  decision: Omit<DecideApprovalInput, 'approvalId'>,
) {
  if (approvalId === null) throw new Error('There is no approval request.');
  const input = { approvalId, ...decision };
  return (await client.send(DecideApprovalDocument, { input })).decideApproval;
}
