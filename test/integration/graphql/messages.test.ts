import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NewEvent } from '../../../src/domain/events.ts';
import { BranchSessionDocument, MessagesDocument, SendMessageDocument } from '../../generated/graphql.ts';
import {
  context,
  interruptedAnswer,
  output,
  resumption,
  toolDecision,
  toolResult,
  toolStart,
} from '../../unit/domain/given.ts';
import { codeOf, finishRun, type InProcess, openInProcess } from './in-process.ts';

let gateway: InProcess;
beforeAll(async () => {
  gateway = await openInProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function send(sessionKey: string, text: string, input = {}, options = {}) {
  const { sendMessage } = await gateway.data(SendMessageDocument, { input: { sessionKey, text, ...input } }, options);
  if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
  return { sessionId: sendMessage.session.id, runId: sendMessage.run.id };
}

async function messages(sessionId: string, page: object = { first: 100 }, options = {}) {
  const { session } = await gateway.data(MessagesDocument, { sessionId, ...page }, options);
  if (!session) throw new Error(`There is no session ${sessionId}.`);
  return session.messages;
}

/** The messages of a page as `role: text`, with `…` for one that is not complete. */
const linesOf = ({ edges }: Awaited<ReturnType<typeof messages>>) =>
  edges.map(({ node }) => `${node.role === 'USER' ? 'user' : 'model'}: ${node.text}${node.complete ? '' : '…'}`);

const delta = (text: string, step = 1): NewEvent => ({ type: 'output_delta', actor: 'MODEL', payload: { step, text } });

test('an answer that is being generated shows what is durable since the step began or was resumed', async () => {
  const { sessionId, runId } = await send('growing', 'hello');
  await gateway.record(runId, { kind: 'start', turn: 1 });
  const shown = async () => linesOf(await messages(sessionId));
  expect(await shown()).toEqual(['user: hello']);
  await gateway.record(runId, [context(1)]);
  expect(await shown()).toEqual(['user: hello']);
  await gateway.record(runId, [delta('One')]);
  expect(await shown()).toEqual(['user: hello', 'model: One…']);
  await gateway.record(runId, [delta(', two')]);
  expect(await shown()).toEqual(['user: hello', 'model: One, two…']);
  await gateway.record(runId, [interruptedAnswer(1)]);
  expect(await shown()).toEqual(['user: hello']);
  await gateway.record(runId, [delta('Three')]);
  expect(await shown()).toEqual(['user: hello', 'model: Three…']);
  await gateway.record(runId, [resumption(1), context(1), delta('Four'), delta('.')]);
  expect(await shown()).toEqual(['user: hello', 'model: Four.…']);
  const [, growing] = (await messages(sessionId)).edges;
  // A message that arrives meanwhile comes before the answer that cannot have seen it, as on the tape.
  await gateway.record(runId, { kind: 'steer', text: 'wait', idempotencyKey: null });
  expect(await shown()).toEqual(['user: hello', 'user: wait', 'model: Four.…']);
  await gateway.record(runId, output(1, { text: 'Four.' }));
  expect(await shown()).toEqual(['user: hello', 'user: wait', 'model: Four.']);
  const [, , complete] = (await messages(sessionId)).edges;
  expect(complete?.node.id).toBe(growing?.node.id);
  // The page after the position of the unfinished answer has what came since.
  expect(linesOf(await messages(sessionId, { after: growing?.cursor }))).toEqual(['user: wait', 'model: Four.']);
});

test('the answer of a run that ended in the middle of it stays, and is complete', async () => {
  const { sessionId, runId } = await send('broken off', 'hello');
  await gateway.record(runId, { kind: 'start', turn: 1 });
  await gateway.record(runId, [context(1), delta('Half an ans')]);
  await gateway.record(runId, { kind: 'cancel', reason: null });
  expect(linesOf(await messages(sessionId))).toEqual(['user: hello', 'model: Half an ans']);
  const unanswered = await send('unanswered', 'hello');
  await gateway.record(unanswered.runId, { kind: 'start', turn: 1 });
  await gateway.record(unanswered.runId, [context(1)]);
  await gateway.record(unanswered.runId, { kind: 'cancel', reason: null });
  expect(linesOf(await messages(unanswered.sessionId))).toEqual(['user: hello']);
});

test('messages that are queued are shown, in the order in which they were sent', async () => {
  const { sessionId, runId } = await send('queued', 'one');
  await send('queued', 'two');
  const cancelled = await send('queued', 'three');
  expect(linesOf(await messages(sessionId))).toEqual(['user: one', 'user: two', 'user: three']);
  await gateway.record(cancelled.runId, { kind: 'cancel', reason: null });
  await finishRun(gateway, runId, 'One.');
  expect(linesOf(await messages(sessionId))).toEqual(['user: one', 'model: One.', 'user: two', 'user: three']);
});

/** A run of several steps; every step but the last calls two tools. */
async function finishSteps(runId: string, turn: number, steps: number): Promise<void> {
  await gateway.record(runId, { kind: 'start', turn });
  for (let step = 1; step <= steps; step += 1) {
    const calls = step < steps ? [1, 2].map((call) => `${runId}-${step}-${call}`) : [];
    await gateway.record(runId, [
      context(step),
      delta('Step', step),
      ...output(step, { text: `Step ${step}`, calls }),
      ...calls.flatMap((callId) => [toolDecision(callId, 'ALLOW'), toolStart(callId), toolResult(callId)]),
    ]);
  }
  await gateway.record(runId, { kind: 'complete' });
}

test('B5: messages are paged in both directions with their tool calls, also within a run', async () => {
  const { sessionId, runId } = await send('paged', 'one');
  await finishSteps(runId, 1, 4);
  const second = await send('paged', 'two');
  await finishRun(gateway, second.runId, 'Done.', 2);
  const all = (await messages(sessionId)).edges;
  expect(all.map(({ node }) => node.text)).toEqual(['one', 'Step 1', 'Step 2', 'Step 3', 'Step 4', 'two', 'Done.']);
  const calls = (step: number) =>
    [1, 2].map((call) => ({ callId: `${runId}-${step}-${call}`, step, state: 'SUCCEEDED' }));
  expect(all.map(({ node }) => node.toolCalls)).toMatchObject([[], calls(1), calls(2), calls(3), [], [], []]);
  for (const size of [1, 2, 3, 6, 7]) {
    const forwards: typeof all = [];
    const backwards: typeof all = [];
    for (let after: string | null = null, more = true; more; ) {
      const page = await messages(sessionId, { first: size, after });
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      forwards.push(...page.edges);
      after = page.pageInfo.endCursor ?? null;
      more = page.pageInfo.hasNextPage;
    }
    for (let before: string | null = null, more = true; more; ) {
      const page = await messages(sessionId, { last: size, before });
      expect(page.pageInfo.hasNextPage).toBe(before !== null);
      backwards.unshift(...page.edges);
      before = page.pageInfo.startCursor ?? null;
      more = page.pageInfo.hasPreviousPage;
    }
    expect([size, forwards]).toEqual([size, all]);
    expect([size, backwards]).toEqual([size, all]);
  }
  const between = { after: all[1]?.cursor, before: all[5]?.cursor };
  expect((await messages(sessionId, between)).edges).toEqual(all.slice(2, 5));
  expect((await messages(sessionId, { after: all[6]?.cursor })).edges).toEqual([]);
  expect((await messages(sessionId, { after: all[5]?.cursor, before: all[1]?.cursor })).edges).toEqual([]);
});

test('cursors that are no position of the conversation are refused', async () => {
  const { sessionId, runId } = await send('own', 'hello');
  await finishRun(gateway, runId, 'Hi.');
  const other = await send('other', 'hello');
  const cursorOf = (position: string) => Buffer.from(position).toString('base64url');
  const [own] = (await messages(sessionId)).edges;
  const [foreign] = (await messages(other.sessionId)).edges;
  const cursors = ['x', cursorOf('run_x/1'), cursorOf(`${runId}/99`), foreign?.cursor];
  for (const cursor of cursors) {
    for (const page of [{ after: cursor }, { before: cursor }]) {
      const { errors } = await gateway.run(MessagesDocument, { sessionId, ...page });
      expect([cursor, errors?.[0]?.originalError?.name]).toEqual([cursor, 'CursorError']);
    }
  }
  for (const page of [{ first: 0 }, { last: 101 }, { first: 1, last: 1 }]) {
    expect(codeOf(await gateway.run(MessagesDocument, { sessionId, ...page }))).toBe('BAD_USER_INPUT');
  }
  // A branch at the message does not see the answer.
  const input = { sessionId, runId, seq: 1, key: 'branch' };
  const { branchSession } = await gateway.data(BranchSessionDocument, { input });
  const branchId = branchSession.__typename === 'BranchSessionSuccess' ? branchSession.session.id : '';
  expect(linesOf(await messages(branchId))).toEqual(['user: hello']);
  expect(linesOf(await messages(branchId, { after: own?.cursor }))).toEqual([]);
  const hidden = await gateway.run(MessagesDocument, { sessionId: branchId, after: cursorOf(`${runId}/4`) });
  expect(hidden.errors?.[0]?.originalError?.name).toBe('CursorError');
});

test('B3: the messages of another principal are shown to nobody', async () => {
  const { sessionId } = await send('private', 'secret', {}, { principal: 'bob' });
  expect(linesOf(await messages(sessionId, {}, { principal: 'bob' }))).toEqual(['user: secret']);
  expect((await gateway.data(MessagesDocument, { sessionId })).session).toBeNull();
});

const fields =
  'nodes { id text complete run { id state } toolCalls { callId state output approval { id } waits { id } } }';

test('B67: a page takes as many statements in a short conversation as in a long one, forwards and backwards', async () => {
  const count = async (sessionId: string, page: string) => {
    const before = gateway.statements();
    const { data, errors } = await gateway.run(
      `{ session(id: "${sessionId}") { messages(${page}) { ${fields} } } }`,
      {},
    );
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toContain('"text":');
    return gateway.statements() - before;
  };
  const short = await send('short', 'hello');
  await finishSteps(short.runId, 1, 2);
  const long = await send('long', 'hello');
  await finishSteps(long.runId, 1, 2);
  for (let turn = 2; turn <= 150; turn += 1) {
    const { runId } = await send('long', `message ${turn}`);
    await finishSteps(runId, turn, 3);
  }
  for (const page of ['first: 3', 'last: 3', 'first: 100', 'last: 100']) {
    const [few, many] = [await count(short.sessionId, page), await count(long.sessionId, page)];
    expect([page, many]).toEqual([page, few]);
    expect(many).toBeLessThan(7);
  }
});

test('the messages of 50 sessions take as many statements as those of one', async () => {
  const options = { principal: 'counter' };
  for (let index = 0; index < 50; index += 1) {
    const { sessionId, runId } = await send(`many-${index}`, 'hello', {}, options);
    await finishSteps(runId, 1, 2);
    if (index % 2 === 1) continue;
    const input = { sessionId, runId, key: `branch-${index}` };
    await gateway.data(BranchSessionDocument, { input }, options);
  }
  const count = async (first: number) => {
    const before = gateway.statements();
    const document = `query ($first: Int) { sessions(first: $first) { nodes { messages(last: 2) { ${fields} } } } }`;
    const { data, errors } = await gateway.run(document, { first }, options);
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data).match(/"text":"Step 2"/g)).toHaveLength(first);
    return gateway.statements() - before;
  };
  const [few, many] = [await count(2), await count(50)];
  expect(many).toBe(few);
  expect(many).toBeLessThan(9);
});
