import { describe, expect, test } from 'vitest';
import {
  BranchSessionDocument,
  CreateAgentDocument,
  ForgetDocument,
  RememberDocument,
  RetryRunDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

type Client = TestGateway['client'];

/** A mutation that takes a key, and its result: the type and the id that it created. */
interface Mutation {
  /** Prepares what the mutation refers to and returns it. */
  prepare(
    client: Client,
  ): Promise<(client: Client, key: string, variant?: string) => Promise<[type: string, id?: string]>>;
}

const mutations: Record<string, Mutation> = {
  retryRun: {
    async prepare(client) {
      const ended = await converse(client, { sessionKey: 'retry', text: '/say once' });
      const other = await converse(client, { sessionKey: 'retry', text: '/say twice' });
      return async (sender, idempotencyKey, variant) => {
        const runId = variant === undefined ? ended.run.id : other.run.id;
        const { retryRun } = await sender.send(RetryRunDocument, { input: { runId, idempotencyKey } });
        return [retryRun.__typename, 'run' in retryRun ? retryRun.run.id : undefined];
      };
    },
  },
  branchSession: {
    async prepare(client) {
      const { run } = await converse(client, { sessionKey: 'branch', text: '/say once' });
      const sessionId = run.session.id;
      return async (sender, idempotencyKey, title) => {
        const input = { sessionId, runId: run.id, key: 'the branch', title, idempotencyKey };
        const { branchSession } = await sender.send(BranchSessionDocument, { input });
        return [branchSession.__typename, 'session' in branchSession ? branchSession.session.id : undefined];
      };
    },
  },
  createAgent: {
    async prepare() {
      return async (sender, idempotencyKey, instructions = 'Be brief.') => {
        const input = { name: 'once', instructions, idempotencyKey };
        const { createAgent } = await sender.send(CreateAgentDocument, { input });
        return [createAgent.__typename, 'agent' in createAgent ? createAgent.agent.id : undefined];
      };
    },
  },
  remember: {
    async prepare() {
      return async (sender, idempotencyKey, text = 'The red pan is in the oven.') => {
        const { remember } = await sender.send(RememberDocument, { input: { text, idempotencyKey } });
        return [remember.__typename, 'memory' in remember ? remember.memory.id : undefined];
      };
    },
  },
};

describe.each(Object.entries(mutations))('%s with an idempotency key', (name, { prepare }) => {
  const success = `${name[0]?.toUpperCase()}${name.slice(1)}Success`;

  test('is performed once for twenty concurrent requests, and returns the same result to all', async () => {
    const { client } = await startTestGateway();
    const perform = await prepare(client);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => perform(client, 'key-1')));
    expect(new Set(outcomes.map(([type]) => type))).toEqual(new Set([success]));
    expect(new Set(outcomes.map(([, id]) => id)).size).toBe(1);
  });

  test('returns the same result after a restart, and a conflict for another input', async () => {
    const first = await startTestGateway();
    const perform = await prepare(first.client);
    const outcome = await perform(first.client, 'key-2');
    const { client } = await first.restart();
    expect(await perform(client, 'key-2')).toEqual(outcome);
    expect((await perform(client, 'key-2', 'another input'))[0]).toBe('ConflictError');
  });

  test('refuses a key that is too long', async () => {
    const { client } = await startTestGateway();
    const perform = await prepare(client);
    expect((await perform(client, 'k'.repeat(201)))[0]).toBe('InvalidInputError');
  });
});

test('each mutation has keys of its own', async () => {
  const { client } = await startTestGateway();
  for (const { prepare } of Object.values(mutations)) {
    const [type] = await (await prepare(client))(client, 'the same key');
    expect(type).toMatch(/Success$/);
  }
});

test('the key of a memory that was forgotten is a conflict that says so', async () => {
  const { client } = await startTestGateway();
  const input = { text: 'The red pan is in the oven.', idempotencyKey: 'key-3' };
  const { remember } = await client.send(RememberDocument, { input });
  if (!('memory' in remember)) throw new Error(remember.__typename);
  await client.send(ForgetDocument, { input: { memoryId: remember.memory.id } });
  const again = await client.send(RememberDocument, { input });
  expect(again.remember).toMatchObject({
    __typename: 'ConflictError',
    message: expect.stringContaining('was forgotten. Use a new key.'),
  });
});
