import { describe, expect, test, vi } from 'vitest';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { GrantRow } from '../../../src/repositories/grants.ts';
import { approvalDecision, approvalRequest, callsRequested, toolDecision } from '../domain/given.ts';
import { executed, openRun, typesOf } from './executed-run.ts';
import { fakeModel, saying } from './fake-model.ts';
import { callingTools, fakeTool } from './fake-tool.ts';

const look = fakeTool('look', async () => 'found');
const free = fakeTool('free', async () => null);

/** Asks about `look`, and allows every other tool. */
const policy = {
  evaluate: ({ tool }: { tool: { name: string } }) => ({
    effect: tool.name === 'look' ? 'ASK' : 'ALLOW',
    reason: 'By policy.',
    rules: [],
  }),
} as never;

const grant: GrantRow = {
  id: 'grant_1',
  sessionId: 'ses_1',
  tool: 'look',
  target: null,
  definitionHash: definitionOf(look).hash,
  grantedBy: 'eve',
  grantedAt: new Date(0),
  expiresAt: null,
};

describe('the grants of a session', () => {
  /** What becomes of these calls in a session with these grants, and how often the grants are read. */
  async function call(calls: string[], grants: GrantRow[], separateApprover = false) {
    const findMany = vi.fn(async () => grants);
    const run = await openRun({
      models: [fakeModel('m', callingTools(...calls))],
      tools: [look, free],
      parts: { policy },
      settings: { separateApprover },
    });
    Object.assign(run.dependencies.database.reader, { grant: { findMany } });
    const events = await run.execute();
    const asked = typesOf(events).filter((type) => type === 'approval_request').length;
    const results = typesOf(events).filter((type) => type === 'tool_result').length;
    return { asked, results, reads: findMany.mock.calls.length };
  }

  test('replace an approval that policy asks for', async () => {
    expect(await call(['free', 'look'], [grant])).toMatchObject({ asked: 0, results: 2 });
    expect(await call(['free', 'look'], [])).toMatchObject({ asked: 1, results: 1 });
    expect(await call(['look'], [{ ...grant, tool: 'another' }])).toMatchObject({ asked: 1, results: 0 });
  });

  test('are read only if policy asks', async () => {
    expect(await call(['free', 'free'], [grant])).toEqual({ asked: 0, results: 2, reads: 0 });
  });

  test('do not count if the owner gave them and needs another approver', async () => {
    expect(await call(['look'], [{ ...grant, grantedBy: 'ada' }], true)).toMatchObject({ asked: 1 });
    expect(await call(['look'], [{ ...grant, grantedBy: 'ada' }], false)).toMatchObject({ asked: 0 });
  });
});

test('the tools of calls are compared with their accepted definitions before policy is evaluated', async () => {
  const log: unknown[] = [];
  const acceptedDefinitions = {
    compare: async (tools: { name: string }[]) => void log.push(tools.map(({ name }) => name)),
    quarantineOf() {
      log.push('policy');
      return null;
    },
  } as never;
  await executed({
    models: [fakeModel('m', [callingTools('free', 'unknown')[0], saying('Done.')])],
    tools: [free],
    parts: { acceptedDefinitions },
  });
  // The answer is recorded before its calls are reviewed, because one of the tools may become available.
  expect(log).toEqual([[], ['free'], 'policy', []]);
});

test('who is asked again is shown how the tool has changed', async () => {
  const shown = { name: 'tool_a', description: 'As it was.' };
  const decision = toolDecision('a', 'ASK');
  if (decision.type !== 'tool_decision') throw new Error('It is no decision.');
  const definitionHash = 'of another definition';
  const events = await executed({
    models: [fakeModel('m', [saying('Done.')])],
    tools: [fakeTool('tool_a', async () => null)],
    given: [
      callsRequested('a'),
      { ...decision, payload: { ...decision.payload, definitionHash } },
      approvalRequest('a', { definition: shown, definitionHash }),
      approvalDecision('a', 'ALLOWED'),
    ],
  });
  expect(events.find(({ type }) => type === 'approval_request')?.payload).toMatchObject({
    definition: { name: 'tool_a', description: '' },
    previousDefinition: shown,
  });
});

test('a denial without a rule is in the audit log without one', async () => {
  const { dependencies, execute } = await openRun({
    models: [fakeModel('m', callingTools('free'))],
    tools: [free],
    parts: { policy: { evaluate: () => ({ effect: 'DENY', reason: 'No.', rules: [] }) } as never },
  });
  await execute();
  const rows = (dependencies.journal as unknown as { rows(): RowWrite[] }).rows();
  expect(rows.flatMap(({ row }) => (row.event === 'call-denied' ? [row.rule] : []))).toEqual([null]);
});
