import type { TestClient } from '../../client.ts';
import { DecideApprovalDocument, type DecideApprovalInput } from '../../generated/graphql.ts';
import { follow, send } from '../conversation.ts';
import { calling } from '../counted-tool.ts';

/** Sends a message whose run calls the tool `count`; the approval that it waits for, or null where nobody is asked. */
export async function callCount(client: TestClient, sessionKey: string, word = 'a') {
  const { run, session } = await send(client, { sessionKey, text: calling(['count', { word }]) });
  const events = await follow(client, run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = events.at(-1);
  const decided = events.find((event) => event.__typename === 'ToolDecisionEvent');
  const decision = decided?.__typename === 'ToolDecisionEvent' ? decided : null;
  const approvalId = request?.__typename === 'ApprovalRequestEvent' ? request.approval.id : null;
  return { runId: run.id, sessionId: session.id, events, decision, approvalId };
}

/** Decides an approval that was asked for. */
export async function decide(
  client: TestClient,
  approvalId: string | null,
  answer: Omit<DecideApprovalInput, 'approvalId'>,
) {
  if (approvalId === null) throw new Error('Nobody was asked.');
  const input = { approvalId, ...answer };
  return (await client.send(DecideApprovalDocument, { input })).decideApproval;
}
