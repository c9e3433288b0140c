import { describe, expect, test } from 'vitest';
import { attachmentUrl } from '../../../src/application/attachments/attachment-url.ts';
import { entryOf, reportRefusedDecision } from '../../../src/application/audit/entries.ts';
import { tracedBy } from '../../../src/application/run/traced-by.ts';
import { clientToolsProblem } from '../../../src/application/tool-calls/client-tool-declarations.ts';
import { shownDefinitions } from '../../../src/application/tool-calls/shown-definitions.ts';
import { agentOfRun, messageOf, toolCaller } from '../../../src/application/tool-calls/tool-caller.ts';
import { definitionOf } from '../../../src/application/tool-calls/tool-definition.ts';
import { clientToolsOfRun, toolOfRun } from '../../../src/application/tool-calls/tools-of-run.ts';
import type { ClientToolDeclaration } from '../../../src/domain/events.ts';
import type { ToolCall } from '../../../src/domain/step.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import {
  approvalRequest,
  callsRequested,
  context,
  inProgress,
  pending,
  recordedTape,
  runOf,
  toolResult,
} from '../domain/given.ts';
import { fakeTool } from '../orchestrator/fake-tool.ts';

const declare = (name: string, description = name): ClientToolDeclaration => ({
  name,
  description,
  inputSchema: { type: 'object' },
  timeoutSeconds: null,
});
const toolOf = (author: string, { name, description }: ClientToolDeclaration): Tool =>
  fakeTool(name, async () => null, { source: 'client', description: `${description} of ${author}` });
const clock = fakeTool('clock', async () => null);
const sources = {
  toolbox: {
    find: (name: string) => (name === 'clock' ? clock : null),
    unavailableReason: (name: string) => (name === 'starting' ? 'It starts.' : null),
  },
  clientTools: {
    toolOf,
    schemaProblem: async (_: string, { name }: ClientToolDeclaration) => (name === 'bad' ? 'Bad.' : null),
  },
} as const;

describe('the tools that the client of a run offers', () => {
  const declaring = {
    owner: 'ada',
    run: { clientTools: [declare('show'), declare('clock')] },
    agent: { clientTools: [declare('show', 'agent'), declare('ask')] },
  };

  test('are those of its message, then those of its agent, without those that the gateway has', () => {
    expect(clientToolsOfRun(sources, declaring).map(({ name, description }) => [name, description])).toEqual([
      ['show', 'show of ada'],
      ['ask', 'ask of ada'],
    ]);
    expect(clientToolsOfRun(sources, { ...declaring, agent: null }).map(({ name }) => name)).toEqual(['show']);
    expect(clientToolsOfRun(sources, { ...declaring, agent: { clientTools: null } as never })).toHaveLength(1);
  });

  test('are found by name after those of the gateway', () => {
    expect(toolOfRun(sources, declaring, 'clock')).toBe(clock);
    expect(toolOfRun(sources, declaring, 'ask')?.name).toBe('ask');
    expect(toolOfRun(sources, declaring, 'none')).toBeNull();
  });

  test('are refused if a name is taken or given twice, or a schema cannot be used', async () => {
    const declarations = ['show', 'clock', 'starting', 'bad', 'show'].map((name) => declare(name));
    const taken = (name: string) => `"${name}" is a tool of the gateway. Use another name`;
    expect(await clientToolsProblem(sources, 'ada', declarations)).toEqual({
      kind: 'invalid-input',
      issues: [
        { path: ['clientTools', '1', 'name'], message: taken('clock') },
        { path: ['clientTools', '2', 'name'], message: taken('starting') },
        { path: ['clientTools', '3', 'inputSchema'], message: 'cannot be used: Bad.' },
        { path: ['clientTools', '4', 'name'], message: '"show" is declared twice' },
      ],
      message:
        `clientTools.1.name: ${taken('clock')}; clientTools.2.name: ${taken('starting')}; ` +
        'clientTools.3.inputSchema: cannot be used: Bad.; clientTools.4.name: "show" is declared twice',
    });
    expect(await clientToolsProblem(sources, 'ada', [declare('show'), declare('ask')])).toBeNull();
  });
});

describe('the definitions that approvers were shown last', () => {
  const call = (callId: string, more: Partial<ToolCall> = {}) =>
    ({ callId, seq: 7, approvalRequests: 1, definitionHash: 'older', ...more }) as ToolCall;
  const shown = (callId: string, definition: string) => approvalRequest(callId, { definition });

  async function find(calls: { call: ToolCall; tool: Tool | null }[]) {
    const asked: unknown[] = [];
    const events = recordedTape(shown('a', 'first'), shown('a', 'second'), shown('b', 'other'));
    const readMany = async (...parameters: unknown[]) => {
      asked.push(parameters);
      return new Map([['run_1', events]]);
    };
    const found = await shownDefinitions({ readMany } as never, 'run_1', calls);
    return { found: Object.fromEntries(found), asked };
  }

  test('are read from the tape for calls whose tool has changed', async () => {
    const calls = [
      { call: call('a', { seq: 9 }), tool: clock },
      { call: call('b', { seq: 8 }), tool: clock },
    ];
    const { found, asked } = await find(calls);
    expect(found).toEqual({ a: 'second', b: 'other' });
    expect(asked).toEqual([[[{ runId: 'run_1', after: 8, upTo: Number.MAX_SAFE_INTEGER }], ['approval_request']]]);
  });

  test('are not read for other calls', async () => {
    const unchanged = definitionOf(clock).hash;
    const calls = [
      { call: call('a', { approvalRequests: 0 }), tool: clock },
      { call: call('b', { definitionHash: unchanged }), tool: clock },
      { call: call('c'), tool: null },
    ];
    expect(await find(calls)).toEqual({ found: {}, asked: [] });
  });
});

describe('what policy is told of a caller', () => {
  const session = { id: 'ses_1', key: 'work', owner: 'ada', agentId: 'agt_s', metadata: '{"team":"a"}' } as never;

  test('is the owner of the session with the scopes of the message, the agent, and their metadata', () => {
    const run = runOf(inProgress);
    expect(messageOf(run)).toEqual({ scopes: ['read', 'write'], metadata: {} });
    expect(toolCaller(session, null, messageOf(run))).toEqual({
      principal: { id: 'ada', scopes: ['read', 'write'] },
      agent: { id: null, name: '' },
      session: { id: 'ses_1', key: 'work', metadata: { team: 'a' } },
      message: { metadata: {} },
      tools: null,
    });
    const agent = { id: 'agt_1', name: 'clerk', tools: ['clock'] } as never;
    expect(toolCaller(session, agent, messageOf(run))).toMatchObject({
      agent: { id: 'agt_1', name: 'clerk' },
      tools: ['clock'],
    });
  });

  test('is no agent for a run that has started without one', async () => {
    const database = {} as never;
    expect(await agentOfRun(database, session, runOf(inProgress, context(1)))).toBeNull();
    expect(await agentOfRun(database, session, runOf(callsRequested('a')))).toBeNull();
    expect(await agentOfRun(database, session, runOf(callsRequested('a'), toolResult('a')))).toBeNull();
  });

  test('is the agent that the message named, also a deleted one, else that of the session, before a run has started', async () => {
    const asked: unknown[] = [];
    const findFirst = async ({ where }: { where: unknown }) => {
      asked.push(where);
      return null;
    };
    const query = async (_: unknown, ...values: unknown[]) => asked.push(values) && [];
    const database = { query, reader: { agentVersion: { findFirst } } } as never;
    const run = runOf(pending);
    const naming = (agentId: string | null) => ({ ...run, origin: { ...run.origin, agentId } });
    expect(await agentOfRun(database, session, naming('agt_m'))).toBeNull();
    expect(await agentOfRun(database, session, naming(null))).toBeNull();
    expect(asked).toEqual([['agt_m', 'ada'], { agentId: 'agt_m', owner: 'ada' }, ['ada', 'agt_s'], ['ada', 'agt_s']]);
  });

  test('is the version that the first step of the run has used', async () => {
    const asked: unknown[] = [];
    const findUnique = async ({ where }: { where: unknown }) => {
      asked.push(where);
      return null;
    };
    const run = { ...runOf(inProgress), agent: { id: 'agt_1', version: 3 } };
    expect(await agentOfRun({ reader: { agentVersion: { findUnique } } } as never, session, run)).toBeNull();
    expect(asked).toEqual([{ agentId_version: { agentId: 'agt_1', version: 3 } }]);
  });
});

test('a run continues the trace of its request only if traces are exported', () => {
  const viewer = { principal: 'ada', scopes: [], from: { traceParent: '00-1' } } as never;
  const other = { principal: 'ada', scopes: [] } as never;
  expect(tracedBy({ settings: { tracing: true } } as never, viewer)).toEqual({ traceParent: '00-1' });
  expect(tracedBy({ settings: { tracing: false } } as never, viewer)).toEqual({});
  expect(tracedBy({ settings: { tracing: true } } as never, other)).toEqual({});
});

test('an attachment is downloaded below the path of uploads', () => {
  expect(attachmentUrl('att_1')).toBe('/attachments/att_1');
});

test('an entry of the audit log has the principal, and the address if it is known', () => {
  const entry = { event: 'run-cancelled', principal: 'ada', rule: null, details: { runId: 'run_1' } };
  const viewer = { principal: 'ada', scopes: [] };
  const from = { address: '10.0.0.1' } as never;
  expect(entryOf({ ...viewer, from }, 'run-cancelled', { runId: 'run_1' })).toEqual({ ...entry, address: '10.0.0.1' });
  expect(entryOf(viewer, 'run-cancelled', { runId: 'run_1' })).toEqual({ ...entry, address: null });
});

test('a refused decision is counted and logged with its reason', () => {
  const counted: unknown[] = [];
  const logged: unknown[] = [];
  const audit = { count: (attempt: unknown) => void counted.push(attempt) };
  const logger = { info: (...entry: unknown[]) => void logged.push(entry) };
  const decision = {
    event: 'approval-decided',
    principal: 'ada',
    address: '10.0.0.1',
    rule: null,
    details: { approval: 'apr_1' },
  } as const;
  reportRefusedDecision({ audit, logger } as never, decision, { kind: 'conflict', message: 'No.' });
  expect(counted).toEqual([
    { ...decision, event: 'decision-refused', details: { reason: 'conflict', approval: 'apr_1' } },
  ]);
  expect(logged).toEqual([
    [{ event: 'decision-refused', refusal: 'conflict', principal: 'ada', approval: 'apr_1' }, 'a decision was refused'],
  ]);
});
