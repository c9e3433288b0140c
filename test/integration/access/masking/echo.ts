import type { Json } from '../../../../src/domain/events.ts';
import type { Tool } from '../../../../src/tools/tool.ts';
import type { TestClient } from '../../../client.ts';
import { DecideApprovalDocument, type DecideApprovalInput } from '../../../generated/graphql.ts';
import { follow, send } from '../../conversation.ts';

export const key = 'sk-proj-abcdefghij0123456789ABCDEFGHIJ';
export const found = 'ghp_abcdefghij0123456789ABCDEFGHIJ012345';

/** Says what it was given, and adds a secret of its own. */
export function echo(risk: Tool['risk'], seen: Json[]): Tool {
  return {
    name: 'echo',
    description: 'Says it again.',
    inputSchema: { type: 'object' },
    risk,
    idempotent: true,
    parallelSafe: false,
    timeoutSeconds: 10,
    source: 'builtin',
    prepare: (input) => ({ ok: true, input }),
    async execute(input) {
      seen.push(input);
      return {
        input,
        found: `token=${found}`,
        count: 1234567890123456,
        sha: '80dd3f6c2b1a9f0e7d6c5b4a39281706f5e4d3c2',
      };
    },
  };
}

/** Sends a message whose run asks whether the tool may be called with the input. */
export async function askEcho(client: TestClient, input: Json, sessionKey = 's') {
  const { run } = await send(client, { sessionKey, text: `/call echo ${JSON.stringify(input)}` });
  const events = await follow(client, run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = events.at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('Nobody was asked.');
  return { runId: run.id, approval: request.approval };
}

export async function decideOn(
  client: TestClient,
  approvalId: string,
  answer: Omit<DecideApprovalInput, 'approvalId'> = { decision: 'ALLOW' },
): Promise<void> {
  const { decideApproval } = await client.send(DecideApprovalDocument, { input: { approvalId, ...answer } });
  if (decideApproval.__typename !== 'DecideApprovalSuccess') throw new Error(decideApproval.message);
}

/** What came of the run's one call, when it has ended. */
export async function resultOf(client: TestClient, runId: string) {
  const result = (await follow(client, runId)).find(({ type }) => type === 'TOOL_RESULT');
  return result?.payload as { ok: boolean; error: string | null };
}
