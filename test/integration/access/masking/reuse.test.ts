import { expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { DecideApprovalDocument } from '../../../generated/graphql.ts';
import { converse, follow, send } from '../../conversation.ts';
import { startTestGateway } from '../../gateway.ts';
import { apiKey, decideApproval, echo, requestEchoApproval, toolResultOf } from './echo.ts';

const placeholderIn = (value: unknown) => /\[masked [a-z ]+ #[0-9a-f]{12}\]/.exec(JSON.stringify(value))?.[0] ?? '';

/** A session in which a call of `echo` has had a credential, and its placeholder. */
async function startWithPlaceholder(environment: Record<string, string> = {}) {
  const seen: Json[] = [];
  const options = { tools: [echo('LOW', seen)], environment };
  const started = await startTestGateway(options);
  const text = `/call echo ${JSON.stringify({ apiKey })}`;
  const { events } = await converse(started.client, { sessionKey: 's', text });
  const call = events.find(({ type }) => type === 'TOOL_CALL');
  return { ...started, options, seen, placeholder: placeholderIn(call?.payload) };
}

test('B61: another call that uses a placeholder waits for a person, also where policy allows it', async () => {
  const { client, seen, placeholder } = await startWithPlaceholder();
  const { runId, approval } = await requestEchoApproval(client, { send: placeholder });
  expect(seen).toEqual([{ apiKey }]);
  expect(approval.summary).toContain(placeholder);
  const decision = (await follow(client, runId, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' })).find(
    ({ type }) => type === 'TOOL_DECISION',
  );
  expect(decision?.payload).toMatchObject({
    effect: 'ASK',
    reason: expect.stringMatching(/reuses \[masked .*another call.*whether echo may have it/),
  });
  await decideApproval(client, approval.id);
  expect(await toolResultOf(client, runId)).toMatchObject({ ok: true });
  expect(seen).toEqual([{ apiKey }, { send: apiKey }]);
  // The decision was about that call alone.
  await requestEchoApproval(client, { send: placeholder }, 's2').catch(() => {});
  expect(seen).toHaveLength(2);
});

test('B61: with a secret key, a reuse that a person allowed runs after a restart', async () => {
  const environment = { RUNTAPE_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') };
  const { client, seen, placeholder, restart, options } = await startWithPlaceholder(environment);
  const { runId, approval } = await requestEchoApproval(client, { send: placeholder });
  await decideApproval(client, approval.id);
  expect(await toolResultOf(client, runId)).toMatchObject({ ok: true });
  expect(seen.at(-1)).toEqual({ send: apiKey });
  const again = await restart(options);
  const { run } = await send(again.client, {
    sessionKey: 's',
    text: `/call echo ${JSON.stringify({ send: placeholder })}`,
  });
  expect(await toolResultOf(again.client, run.id)).toMatchObject({ ok: false });
});

test('B61: an approver cannot add the credential of another call to an edited input', async () => {
  const seen: Json[] = [];
  const { client } = await startTestGateway({ tools: [echo('HIGH', seen)] });
  const first = await requestEchoApproval(client, { apiKey });
  const placeholder = placeholderIn(first.approval.input);
  await decideApproval(client, first.approval.id);
  await toolResultOf(client, first.runId);
  const { approval } = await requestEchoApproval(client, { note: 'x' });
  const input = { approvalId: approval.id, decision: 'ALLOW' as const, editedInput: { note: placeholder } };
  const { decideApproval: refused } = await client.send(DecideApprovalDocument, { input });
  expect(refused).toMatchObject({
    __typename: 'InvalidInputError',
    message: expect.stringContaining('belongs to another call. Type the credential itself.'),
  });
});

test('B61: a memory keeps the placeholder of a credential', async () => {
  const { client, gateway } = await startTestGateway({});
  const text = `/call memory_save ${JSON.stringify({ text: `The key of the shop is ${apiKey}.` })}`;
  const { run } = await send(client, { sessionKey: 's', text });
  const events = await follow(client, run.id, {
    isLast: ({ type }) => type === 'APPROVAL_REQUEST' || type === 'TOOL_RESULT',
  });
  const request = events.at(-1);
  if (request?.__typename === 'ApprovalRequestEvent') await decideApproval(client, request.approval.id);
  expect(await toolResultOf(client, run.id)).toMatchObject({ ok: true });
  const [memory] = await gateway.parts.database.reader.memory.findMany();
  expect(memory?.text).toMatch(/^The key of the shop is \[masked api key #[0-9a-f]{12}\]\.$/);
  const passages = await gateway.parts.database.reader.passage.findMany();
  expect(JSON.stringify(passages)).not.toContain(apiKey);
});
