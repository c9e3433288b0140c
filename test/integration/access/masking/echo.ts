import type { Json } from '../../../../src/domain/events.ts';
import type { Tool } from '../../../../src/tools/tool.ts';
import type { TestClient } from '../../../client.ts';
import { DecideApprovalDocument, type DecideApprovalInput } from '../../../generated/graphql.ts';
import { follow, send } from '../../conversation.ts';

export const apiKey = 'sk-proj-abcdefghij0123456789ABCDEFGHIJ';
export const foundSecret = 'ghp_abcdefghij0123456789ABCDEFGHIJ012345';

/** A tool that returns its input, with a secret of its own in the output. */
export function echo(risk: Tool['risk'], seen: Json[]): Tool {
  return {
    name: 'echo',
    description: 'Returns its input.',
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
        found: `token=${foundSecret}`,
        count: 1234567890123456,
        sha: '80dd3f6c2b1a9f0e7d6c5b4a39281706f5e4d3c2',
      };
    },
  };
}

/** Sends a message whose run requests approval for a call of the tool. */
export async function requestEchoApproval(client: TestClient, input: Json, sessionKey = 's') {
  const { run } = await send(client, { sessionKey, text: `/call echo ${JSON.stringify(input)}` });
  const events = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const request = events.at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('The run did not request approval.');
  return { runId: run.id, approval: request.approval };
}

export async function decideApproval(
  client: TestClient,
  approvalId: string,
  decision: Omit<DecideApprovalInput, 'approvalId'> = { decision: 'ALLOW' },
): Promise<void> {
  const { decideApproval: outcome } = await client.send(DecideApprovalDocument, { input: { approvalId, ...decision } });
  if (outcome.__typename !== 'DecideApprovalSuccess') throw new Error(outcome.message);
}

/** The result of the only call of the run, once the run has ended. */
export async function toolResultOf(client: TestClient, runId: string) {
  const result = (await follow(client, runId)).find(({ type }) => type === 'TOOL_RESULT');
  return result?.payload as { ok: boolean; error: string | null };
}
