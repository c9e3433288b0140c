import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { DecideApprovalDocument } from '../../../generated/graphql.ts';
import { converse } from '../../conversation.ts';
import { startTestGateway } from '../../gateway.ts';
import { apiKey, decideApproval, echo, foundSecret, requestEchoApproval, toolResultOf } from './echo.ts';

test('B61: a secret in the input of a call reaches the tool but is not recorded; nor is one in its output', async () => {
  const seen: Json[] = [];
  const { client, gateway } = await startTestGateway({ tools: [echo('LOW', seen)] });
  const input = { url: 'https://example.com', apiKey, note: `use ${apiKey} there` };
  await converse(client, { sessionKey: 's', text: `/call echo ${JSON.stringify(input)}` });
  expect(seen).toEqual([input]);
  const events = await gateway.parts.database.reader.event.findMany({
    where: { type: { in: ['tool_call', 'tool_result', 'context'] } },
  });
  const recorded = JSON.stringify(events, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'bigint' ? String(value) : value,
  );
  expect(recorded).not.toContain(apiKey);
  expect(recorded).not.toContain(foundSecret);
  expect(recorded).toContain('[masked api key #');
  expect(recorded).toContain('1234567890123456');
  expect(recorded).toContain('80dd3f6c2b1a9f0e7d6c5b4a39281706f5e4d3c2');
});

test('B61: a secret in the error of a tool is not recorded, and neither the model nor the client sees it', async () => {
  const failing = {
    ...echo('LOW', []),
    async execute(): Promise<Json> {
      throw new Error(`Status 401 from https://ada:hunter22@example.com/ with ${apiKey}`);
    },
  };
  const { client, gateway } = await startTestGateway({ tools: [failing] });
  const { run, events } = await converse(client, { sessionKey: 's', text: '/call echo {}\n/then\n/echo' });
  const result = events.find(({ type }) => type === 'TOOL_RESULT');
  expect(result?.payload).toMatchObject({
    ok: false,
    error: 'Status 401 from https://ada:[masked password]@example.com/ with [masked api key]',
  });
  expect(run.output).toContain('[masked api key]');
  const recorded = await gateway.parts.database.reader.event.findMany();
  const texts = recorded.map(({ payload }) => Buffer.from(payload).toString());
  for (const secret of [apiKey, 'hunter22']) expect(JSON.stringify([run, events, texts])).not.toContain(secret);
});

test('B61: the approver does not see the secret; after a restart the call fails and says why', async () => {
  const seen: Json[] = [];
  const options = { tools: [echo('HIGH', seen)] };
  const started = await startTestGateway(options);
  const { runId, approval } = await requestEchoApproval(started.client, { apiKey });
  expect(JSON.stringify(approval)).not.toContain(apiKey);
  expect(approval.summary).toContain('masked');
  const again = await started.restart(options);
  await decideApproval(again.client, approval.id);
  const { ok, error } = await toolResultOf(again.client, runId);
  expect(ok).toBe(false);
  expect(error).toMatch(/holds \[masked api key #\w+\]: credentials are never recorded.* Give it again\./);
  expect(seen).toEqual([]);
  expect(await again.gateway.parts.database.reader.encryptedInput.count()).toBe(0);
});

/** Text that once took quadratic time: 1 MiB blocked the server for 3.3 seconds, on a machine of its own. */
const slowText = (bytes: number) => '-eyJ'.repeat(bytes / 4);
/** A long block is much longer than a busy machine delays a short one. */
const MAX_BLOCK_MILLISECONDS = 1000;

async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await work();
  delay.disable();
  return delay.max / 1e6;
}

test('B61: the output of a tool is masked without blocking the server, whatever its text is', async () => {
  const text = slowText(1024 * 1024 - 64);
  const tool = { ...echo('LOW', []), execute: async (): Promise<Json> => text };
  const { client } = await startTestGateway({ tools: [tool] });
  const block = await longestBlock(() => converse(client, { sessionKey: 's', text: '/call echo {}' }));
  expect(block).toBeLessThan(MAX_BLOCK_MILLISECONDS);
});

test('B61: an edited input that is too long is refused before it is masked', async () => {
  const { client } = await startTestGateway({ tools: [echo('HIGH', [])] });
  const { approval } = await requestEchoApproval(client, { note: 'x' });
  const input = { approvalId: approval.id, decision: 'ALLOW' as const, editedInput: { note: slowText(256 * 1024) } };
  const { decideApproval: refused } = await client.send(DecideApprovalDocument, { input });
  expect(refused).toMatchObject({
    __typename: 'InvalidInputError',
    message: expect.stringMatching(/editedInput.*262155 bytes as JSON, which is longer than 98304 bytes/),
  });
});
