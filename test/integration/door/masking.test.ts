import { expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { converse } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

const key = 'sk-proj-abcdefghij0123456789ABCDEFGHIJ';
const found = 'ghp_abcdefghij0123456789ABCDEFGHIJ012345';

/** Says what it was given, and adds a secret of its own. */
function echo(risk: Tool['risk'], seen: Json[]): Tool {
  return {
    ...{ name: 'echo', description: 'Says it again.', inputSchema: { type: 'object' }, risk, idempotent: true },
    ...{ parallelSafe: false, timeoutSeconds: 10, source: 'builtin' },
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

test('B61: a secret in a call reaches the tool and is not recorded, nor is one in what it answers', async () => {
  const seen: Json[] = [];
  const { client, gateway } = await startTestGateway({ tools: [echo('LOW', seen)] });
  const input = { url: 'https://example.com', apiKey: key, note: `use ${key} there` };
  await converse(client, { sessionKey: 's', text: `/call echo ${JSON.stringify(input)}` });
  expect(seen).toEqual([input]);
  const events = await gateway.parts.database.reader.event.findMany({
    where: { type: { in: ['tool_call', 'tool_result', 'context'] } },
  });
  const recorded = JSON.stringify(events, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'bigint' ? String(value) : value,
  );
  expect(recorded).not.toContain(key);
  expect(recorded).not.toContain(found);
  expect(recorded).toContain('[masked api key #');
  expect(recorded).toContain('1234567890123456');
  expect(recorded).toContain('80dd3f6c2b1a9f0e7d6c5b4a39281706f5e4d3c2');
});

test('B61: nor is it shown to the person who is asked; after a restart the call fails and says why', async () => {
  const seen: Json[] = [];
  const options = { tools: [echo('HIGH', seen)] };
  const started = await startTestGateway(options);
  await converse(started.client, { sessionKey: 's', text: 'Hello' });
  const text = `/call echo ${JSON.stringify({ apiKey: key })}`;
  const sent = await started.client.post({
    query: `mutation ($input: SendMessageInput!) { sendMessage(input: $input) { ... on SendMessageSuccess { run { id } } } }`,
    variables: { input: { sessionKey: 's', text } },
  });
  expect(sent.body.errors).toBeUndefined();
  const pending = () =>
    until(async () => {
      const { body } = await started.client.post({ query: '{ approvals { nodes { id summary input } } }' });
      const { nodes } = (body.data as { approvals: { nodes: { id: string; summary: string; input: unknown }[] } })
        .approvals;
      return nodes[0];
    });
  const question = await pending();
  expect(JSON.stringify(question)).not.toContain(key);
  expect(question.summary).toContain('masked');
  const again = await started.restart(options);
  await again.client.post({
    query: `mutation { decideApproval(input: {approvalId: "${question.id}", decision: ALLOW}) { __typename } }`,
  });
  const result = await until(async () =>
    again.gateway.parts.database.reader.event.findFirst({ where: { type: 'tool_result' } }),
  );
  expect(
    Buffer.from(
      JSON.stringify(result, (_key, value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'bigint' ? String(value) : value,
      ),
    ).toString(),
  ).toContain('credentials are never stored');
  expect(seen).toEqual([]);
});
