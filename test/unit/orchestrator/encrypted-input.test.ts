import { expect, test } from 'vitest';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { context, inProgress, output, toolCall, toolDecision } from '../domain/given.ts';
import { openRun } from './executed-run.ts';
import { fakeModel, saying } from './fake-model.ts';
import { callingTools, fakeTool } from './fake-tool.ts';

const key = Buffer.alloc(32, 7);
const password = 'correct-horse-battery-staple';
const call = { tool: 'sign_in', arguments: JSON.stringify({ password }) };

/** Executes a call with a password on a server with this secret store, and returns what its tool got. */
async function signIn(secretStore: ReturnType<typeof createSecretStore>, more: Partial<Tool> = {}) {
  const inputs: unknown[] = [];
  const execution: Tool['execute'] = async (input) => {
    inputs.push(input);
    return null;
  };
  const tool = fakeTool('sign_in', execution, more);
  const { execute, dependencies } = await openRun({
    models: [fakeModel('m', callingTools(call))],
    tools: [tool],
    parts: { secretStore },
  });
  const events = await execute();
  const rows = (dependencies.journal as unknown as { rows(): RowWrite[] }).rows();
  const encrypted = rows.flatMap(({ row }) => (typeof row.encrypted === 'string' ? [row] : []));
  return { inputs, events, encrypted };
}

test('a tool gets the credentials of its call, which are on no tape', async () => {
  const { inputs, events, encrypted } = await signIn(createSecretStore(null));
  expect(inputs).toEqual([{ password }]);
  expect(JSON.stringify(events)).not.toContain(password);
  expect(encrypted).toEqual([]);
});

test('a tool that keeps placeholders gets them instead of the credentials', async () => {
  const { inputs } = await signIn(createSecretStore(null), { keepsPlaceholders: true });
  expect(inputs).toEqual([{ password: expect.stringMatching(/^\[masked /) }]);
});

test('with a secret key they are stored encrypted, with the run and the call', async () => {
  const { encrypted, events } = await signIn(createSecretStore(key));
  expect(encrypted).toEqual([{ callId: 'call_1', runId: 'run_1', encrypted: expect.any(String) }]);
  expect(JSON.stringify([encrypted, events])).not.toContain(password);
});

/** Executes the call on another server, which knows no credentials and finds this row. */
async function signInElsewhere(encrypted: string | null, secretKey: Uint8Array | null = key) {
  const first = createSecretStore(key);
  const masked = await first.mask({ sessionId: 'ses_1', callId: 'a' }, { password });
  const stored = encrypted === 'stored' ? first.encrypt({ sessionId: 'ses_1', callId: 'a' }, masked) : encrypted;
  const inputs: unknown[] = [];
  const tool = fakeTool('tool_a', async (input) => {
    inputs.push(input);
    return null;
  });
  const [answer] = output(1, { calls: ['a'] });
  if (!answer) throw new Error('There is no answer.');
  const run = await openRun({
    models: [fakeModel('m', [saying('Done.')])],
    tools: [tool],
    parts: { secretStore: createSecretStore(secretKey) },
    given: [inProgress, context(1), answer, toolCall('a', 1, masked), toolDecision('a', 'ALLOW')],
  });
  const encryptedInput = { findUnique: async () => (stored === null ? null : { encrypted: stored }) };
  Object.assign(run.dependencies.database.reader, { encryptedInput });
  const events = await run.execute();
  return { inputs, results: events.flatMap((event) => (event.type === 'tool_result' ? [event.payload] : [])) };
}

test('another server with the key decrypts them', async () => {
  const { inputs, results } = await signInElsewhere('stored');
  expect(inputs).toEqual([{ password }]);
  expect(results).toMatchObject([{ ok: true }]);
});

test.each([
  ['nothing is stored', null, key],
  ['it has no key', 'stored', null],
  ['what is stored was changed', 'AAAA', key],
] as const)(
  'another server does not execute the call if %s, and names the placeholder',
  async (_name, stored, secretKey) => {
    const { inputs, results } = await signInElsewhere(stored, secretKey);
    expect(inputs).toEqual([]);
    expect(results).toMatchObject([{ ok: false, error: expect.stringContaining('[masked ') }]);
  },
);
