import { expect, onTestFinished, test } from 'vitest';
import {
  ApprovalsDocument,
  DecideApprovalDocument,
  MemoriesDocument,
  SessionByKeyDocument,
} from '../generated/graphql.ts';
import { follow, runById, send, typesOf } from '../integration/conversation.ts';
import { withClient, witness } from './conversation.ts';
import { createHome, type Home } from './server-process.ts';

const quickLease = { RUNTAPE_LEASE_SECONDS: '1' };

async function home(): Promise<Home> {
  const made = await createHome();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

test('B26, B48: what a subscriber saw before kill -9 is on the tape, and the run comes to its end', async () => {
  const { start, run: command } = await home();
  const first = await start(quickLease);
  const text = '/pace 20\n/words 120';
  const { run, seen } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'crash', text });
    const { seen: witnessed, until, over } = witness(client, sent.run.id);
    await until(({ seq }) => seq >= 12);
    expect(await first.end('SIGKILL')).toBe('SIGKILL');
    await over;
    return { run: sent.run, seen: witnessed };
  });
  const second = await start(quickLease);
  await withClient(second, async (client) => {
    const tape = await follow(client, run.id);
    expect(seen.length).toBeGreaterThanOrEqual(12);
    expect(tape.slice(0, seen.length)).toEqual(seen);
    expect(tape.map(({ seq }) => seq)).toEqual(tape.map((_, index) => index + 1));
    expect(typesOf(tape).filter((type) => type === 'RESUMPTION')).toHaveLength(1);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    const ended = await runById(client, run.id);
    expect(ended).toMatchObject({ resumptions: 1 });
    expect(ended.output?.split(' ')).toHaveLength(120);
  });
  expect(await second.end('SIGTERM')).toBe(0);
  expect(await command(['verify'])).toMatchObject({ code: 0 });
});

test('B38, B48: an approval that waits through kill -9 is decided afterwards by another client', async () => {
  const { start, run: command } = await home();
  const first = await start(quickLease);
  const text = '/call memory_save {"text":"I like green tea"}\n/then\n/say Saved.';
  const { run } = await withClient(first, async (client) => {
    const sent = await send(client, { sessionKey: 'crash', text });
    await follow(client, sent.run.id, { enough: ({ type }) => type === 'APPROVAL_REQUEST' });
    return sent;
  });
  await first.end('SIGKILL');
  const second = await start(quickLease);
  await withClient(second, async (client) => {
    const { approvals } = await client.send(ApprovalsDocument, { filter: { statuses: ['PENDING'] } });
    expect(approvals.edges).toMatchObject([{ node: { tool: 'memory_save', runId: run.id } }]);
    const approvalId = approvals.edges[0]?.node.id ?? '';
    const { decideApproval } = await client.send(DecideApprovalDocument, { input: { approvalId, decision: 'ALLOW' } });
    expect(decideApproval.__typename).toBe('DecideApprovalSuccess');
    const tape = await follow(client, run.id);
    expect(tape.at(-1)).toMatchObject({ to: 'DONE' });
    expect(typesOf(tape).filter((type) => type === 'TOOL_START')).toHaveLength(1);
    const { memories } = await client.send(MemoriesDocument, {});
    expect(memories.edges.map(({ node }) => node.text)).toEqual(['I like green tea']);
  });
  expect(await second.end('SIGTERM')).toBe(0);
  expect(await command(['verify'])).toMatchObject({ code: 0 });
});

test('B14, B48: messages that were acknowledged right before kill -9 are there, and run', async () => {
  const { start } = await home();
  const first = await start(quickLease);
  const inputs = Array.from({ length: 20 }, (_, index) => ({
    sessionKey: `crash ${index % 4}`,
    text: `/say answer ${index}`,
    idempotencyKey: `message ${index}`,
  }));
  const acknowledged = await withClient(first, async (client) => {
    const runs: { index: number; id: string }[] = [];
    const sending = inputs.map(async (input, index) => {
      const { run } = await send(client, input);
      runs.push({ index, id: run.id });
      if (runs.length === 10) void first.end('SIGKILL');
    });
    await Promise.allSettled(sending);
    return runs;
  });
  expect(acknowledged.length).toBeGreaterThanOrEqual(10);
  await first.gone;
  const second = await start(quickLease);
  await withClient(second, async (client) => {
    for (const { index, id } of acknowledged) {
      expect((await follow(client, id)).at(-1)).toMatchObject({ to: 'DONE' });
      expect(await runById(client, id)).toMatchObject({ output: `answer ${index}` });
    }
    const again = await Promise.all(inputs.map((input) => send(client, input)));
    for (const { index, id } of acknowledged) expect(again[index]).toMatchObject({ created: false, run: { id } });
    const { session } = await client.send(SessionByKeyDocument, { key: 'crash 0' });
    expect(session).toBeTruthy();
  });
  expect(await second.end('SIGTERM')).toBe(0);
});
