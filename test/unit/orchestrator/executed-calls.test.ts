import { describe, expect, test, vi } from 'vitest';
import { PARALLEL_CALLS, TOOL_ERROR_CHARACTERS, TOOL_OUTPUT_BYTES } from '../../../src/config/limits.ts';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { EventOf, EventType, RecordedEvent } from '../../../src/domain/events.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import type { Tool, ToolContext } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import {
  approvalDecision,
  approvalRequest,
  callsRequested,
  type Given,
  inProgress,
  resumption,
  toolDecision,
  toolStart,
} from '../domain/given.ts';
import { endOf, executed, openRun, startOfTracedRun, typesOf } from './executed-run.ts';
import { fakeModel, saying } from './fake-model.ts';
import { callingTools, fakeTool } from './fake-tool.ts';

const payloads = <Type extends EventType>(events: readonly RecordedEvent[], type: Type) =>
  events.flatMap((event) => (event.type === type ? [event.payload as EventOf<Type>['payload']] : []));
const resultsOf = (events: readonly RecordedEvent[]) => payloads(events, 'tool_result');

const quick = (name: string, more: Partial<Tool> = {}) => fakeTool(name, async () => `result of ${name}`, more);
const calling = (...tools: Parameters<typeof callingTools>) => [fakeModel('m', callingTools(...tools))];

describe('a call that was interrupted', () => {
  const interrupted: Given = [callsRequested('a'), toolDecision('a', 'ALLOW'), toolStart('a'), resumption(1)];
  const repeated: Given = [interrupted, approvalRequest('a'), approvalDecision('a', 'ALLOWED')];
  const models = () => [fakeModel('m', [saying('Done.')])];
  const tool = fakeTool('tool_a', async () => null);

  test('may have run, if its tool is gone when a person has allowed to repeat it', async () => {
    const [result] = resultsOf(await executed({ models: models(), tools: [], given: repeated }));
    expect(result).toMatchObject({ ok: false, mayHaveRun: true, error: expect.stringContaining('may have run') });
  });

  test('may have run, if this server does not have its credentials', async () => {
    const secretStore = { ...createSecretStore(null), reveal: () => ({ ok: false, error: 'Give it again.' }) } as never;
    const read = { encryptedInput: { findUnique: async () => null } };
    const run = await openRun({ models: models(), tools: [tool], given: repeated, parts: { secretStore } });
    Object.assign(run.dependencies.database.reader, read);
    expect(resultsOf(await run.execute())).toMatchObject([
      { ok: false, mayHaveRun: true, error: 'Give it again. An earlier attempt was interrupted and may have run.' },
    ]);
    const first: Given = [callsRequested('a'), toolDecision('a', 'ALLOW')];
    const other = await openRun({ models: models(), tools: [tool], given: first, parts: { secretStore } });
    Object.assign(other.dependencies.database.reader, read);
    expect(resultsOf(await other.execute())).toMatchObject([{ mayHaveRun: false, error: 'Give it again.' }]);
  });
});

describe('a call of a tool', () => {
  test('is started and executed once, and its result is recorded and shown to the model', async () => {
    const inputs: unknown[] = [];
    const tool = fakeTool('look', async (toolInput) => {
      inputs.push(toolInput);
      return { found: 3 };
    });
    const models = calling('look');
    const events = await executed({ models, tools: [tool] });
    expect(typesOf(events)).toEqual([
      'context',
      'output',
      'tool_call',
      'tool_decision',
      'tool_start',
      'tool_result',
      'context',
      'output_delta',
      'output',
      'status',
    ]);
    expect(inputs).toEqual([{ of: 1 }]);
    expect(resultsOf(events)).toEqual([
      {
        callId: 'call_1',
        tool: 'look',
        ok: true,
        output: { found: 3 },
        error: null,
        durationMilliseconds: 0,
        truncated: false,
        storedText: null,
        mayHaveRun: false,
        workMilliseconds: 0,
      },
    ]);
    expect(models[0]?.requests[1]?.messages.at(-1)).toMatchObject({ role: 'tool', callId: 'call_1' });
    expect(endOf(events)?.to).toBe('DONE');
  });

  test('that fails has an error without credentials, and the run continues', async () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const tool = fakeTool('look', async () => {
      throw new Error(`Not with ${token}.`);
    });
    const events = await executed({ models: calling('look'), tools: [tool] });
    const [result] = resultsOf(events);
    expect(result).toMatchObject({
      ok: false,
      output: null,
      error: expect.stringContaining('Not with '),
      truncated: false,
    });
    expect(result?.error).not.toContain(token);
    expect(endOf(events)?.to).toBe('DONE');
  });

  test.each([
    ['an error', (text: string) => Promise.reject(new Error(text)), TOOL_ERROR_CHARACTERS],
    ['an output', async (text: string) => text, TOOL_OUTPUT_BYTES - '""'.length],
    ['an output with members', async (text: string) => ({ text }), TOOL_OUTPUT_BYTES - '"{\\"text\\":\\""'.length],
  ])('that ends with half a credential where %s is cut has no part of it', async (_name, end, length) => {
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const cut = token.slice(0, -4);
    const { dependencies, execute } = await openRun({
      models: calling('look'),
      tools: [fakeTool('look', () => end(`${'x '.repeat((length - cut.length) / 2)}${token}`))],
    });
    const [result] = resultsOf(await execute());
    const rows = (dependencies.journal as unknown as { rows(): RowWrite[] }).rows();
    const whole = rows.flatMap(({ row }) => (typeof row.content === 'string' ? [row.content] : []));
    const recorded = result?.error ?? whole[0];
    expect(recorded?.length).toBeGreaterThan(length - 100);
    expect(recorded).not.toContain('ghp_a');
  });

  test('gets the session, its key, and a span of the trace', async () => {
    const contexts: ToolContext[] = [];
    const tool = fakeTool('look', async (_input, context) => {
      contexts.push(context);
      return null;
    });
    const traceParent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const given = startOfTracedRun(traceParent);
    const models = calling('look', 'look');
    const events = await executed({ models, tools: [tool], given, settings: { tracing: true } });
    const session = { id: 'ses_1', owner: 'ada' };
    expect(contexts).toMatchObject(
      payloads(events, 'tool_start').map(({ idempotencyKey }) => ({ idempotencyKey, session })),
    );
    expect(contexts[0]?.traceParent).toMatch(new RegExp(`^00-${'1'.repeat(32)}-`));
    const headers = [...contexts, ...(models[0]?.requests ?? [])].map((each) => each.traceParent);
    expect([headers.length, new Set(headers).size]).toEqual([4, 4]);
  });

  test('records the progress that its tool reports, and a lost report does no harm', async () => {
    const report = { progress: 1, total: 2, message: 'Half.' };
    const tool = fakeTool('look', async (_input, { progress }) => {
      progress?.(report);
      return 'found';
    });
    const events = await executed({ models: calling('look'), tools: [tool] });
    expect(payloads(events, 'tool_progress')).toEqual([{ callId: 'call_1', tool: 'look', ...report }]);
    const debug = vi.fn();
    const logger = { debug, info: () => undefined } as never;
    const failed = await executed({
      models: calling('look'),
      tools: [tool],
      parts: { logger },
      onAppend: (appended) => {
        if (appended.some(({ type }) => type === 'tool_progress')) throw new Error('no room');
      },
    });
    expect(resultsOf(failed)).toMatchObject([{ ok: true, output: 'found' }]);
    expect(debug).toHaveBeenCalledWith(
      { err: expect.objectContaining({ message: 'no room' }), runId: 'run_1' },
      'a progress report was not recorded',
    );
  });
});

describe('a call that cannot be executed is answered with the reason', () => {
  const errorsOf = async (options: Parameters<typeof executed>[0]) =>
    resultsOf(await executed(options)).map(({ ok, error }) => (ok ? null : error));

  test('if there is no such tool', async () => {
    expect(await errorsOf({ models: calling('look') })).toEqual(['There is no tool "look". No tools are available.']);
    expect(await errorsOf({ models: calling('look'), tools: [quick('one'), quick('two')] })).toEqual([
      'There is no tool "look". Available tools: one, two.',
    ]);
  });

  test('if its source cannot offer the tool now', async () => {
    const source = {
      list: () => [],
      unavailableReason: () => 'The server is starting.',
      waitUntilReady: async () => undefined,
    };
    expect(await errorsOf({ models: calling('look'), sources: [source] })).toEqual(['The server is starting.']);
  });

  test('if its arguments are no JSON object', async () => {
    const tools = [quick('look')];
    expect(await errorsOf({ models: calling({ tool: 'look', arguments: '[1]' }), tools })).toEqual([
      'The arguments must be a JSON object.',
    ]);
  });

  test.each([
    ['is gone', [], 'The tool look is not available now.'],
    [
      'has changed',
      [quick('look', { description: 'Another one.' })],
      'The definition of look changed before the call was sent. The call was not executed.',
    ],
  ])('if the tool %s when the call has been started', async (_name, after, error) => {
    let tools: readonly Tool[] = [quick('look')];
    const toolbox = createToolbox([], () => [
      { list: () => tools, unavailableReason: () => null, waitUntilReady: async () => undefined },
    ]);
    const events = await executed({
      models: calling('look'),
      parts: { toolbox },
      onAppend: (appended) => {
        if (appended.some(({ type }) => type === 'tool_start')) tools = after;
      },
    });
    expect(resultsOf(events)).toMatchObject([{ ok: false, error }]);
  });

  test('if policy denies it: the audit log names the rules', async () => {
    const execute = vi.fn(async () => null);
    const info = vi.fn();
    const { dependencies, execute: run } = await openRun({
      models: calling('look', 'look'),
      tools: [fakeTool('look', execute)],
      parts: {
        policy: { evaluate: () => ({ effect: 'DENY', reason: 'Not here.', rules: ['one', 'two'] }) } as never,
        logger: { info } as never,
      },
    });
    const events = await run();
    expect(execute).not.toHaveBeenCalled();
    expect(resultsOf(events)).toMatchObject([{ ok: false }, { ok: false }]);
    const rows = (dependencies.journal as unknown as { rows(): { row: Record<string, unknown> }[] }).rows();
    const entries = rows.flatMap(({ row }) => (row.event === 'call-denied' ? [row] : []));
    expect(entries).toMatchObject([
      { event: 'call-denied', principal: 'ada', address: null, rule: 'one, two' },
      { event: 'call-denied' },
    ]);
    expect(JSON.parse(String(entries[0]?.details))).toEqual({
      runId: 'run_1',
      sessionId: 'ses_1',
      callId: 'call_1',
      tool: 'look',
    });
    expect(info).toHaveBeenCalledWith(
      expect.objectContaining({
        event: 'call-denied',
        principal: 'ada',
        runId: 'run_1',
        callId: 'call_1',
        tool: 'look',
      }),
      'policy denied a tool call',
    );
  });
});

describe('several calls of one answer', () => {
  /** Executes calls of tools that note how many of them run at the same time. */
  async function batches(calls: readonly string[]): Promise<string[]> {
    const log: string[] = [];
    let running: string[] = [];
    const tool = (name: string, parallelSafe: boolean) =>
      fakeTool(
        name,
        async () => {
          running.push(name);
          await new Promise(setImmediate);
          if (running.length > 0) log.push(running.join(' '));
          running = [];
          return null;
        },
        { parallelSafe },
      );
    const tools = [tool('a', true), tool('b', true), tool('x', false)];
    const limits = { maxSteps: 4, maxToolCalls: 100, runSeconds: 10, maxTokens: 1000, maxCost: null };
    await executed({ models: calling(...calls), tools, settings: { limits } });
    return log;
  }

  test('run together if they are adjacent and safe in parallel, and alone otherwise', async () => {
    expect(await batches(['a', 'b', 'x', 'x', 'b', 'a'])).toEqual(['a b', 'x', 'x', 'b a']);
  });

  test('run together after a restart, too, whatever other tools the run has', async () => {
    const appends: string[][] = [];
    const tools = [quick('tool_x'), ...['tool_a', 'tool_b'].map((name) => quick(name, { parallelSafe: true }))];
    await executed({
      models: calling(),
      tools,
      given: [callsRequested('a', 'b', 'x'), ['a', 'b', 'x'].map((callId) => toolDecision(callId, 'ALLOW'))],
      onAppend: (events) => void appends.push(events.map(({ type }) => type)),
    });
    expect(appends.slice(0, 4)).toEqual([
      ['tool_start', 'tool_start'],
      ['tool_result'],
      ['tool_result'],
      ['tool_start'],
    ]);
  });

  test('run together up to a maximum number', async () => {
    const calls = Array.from({ length: PARALLEL_CALLS + 1 }, () => 'a');
    expect((await batches(calls)).map((batch) => batch.split(' ').length)).toEqual([PARALLEL_CALLS, 1]);
  });
});

describe('a call that somebody else answers', () => {
  const delegation = { kind: 'CLIENT_TOOL', timeoutSeconds: null } as const;
  const waitsOf = async (more: Partial<Tool>) =>
    payloads(await executed({ models: calling('ask'), tools: [quick('ask', more)] }), 'wait_request');

  test('waits as long as its tool says, or else as long as an approval', async () => {
    expect(await waitsOf({ delegation })).toMatchObject([
      {
        waitId: 'clientToolCall_2',
        kind: 'CLIENT_TOOL',
        callId: 'call_1',
        expiresAt: 60_000,
        question: null,
        budget: null,
      },
    ]);
    expect(await waitsOf({ delegation: { ...delegation, timeoutSeconds: 5 } })).toMatchObject([{ expiresAt: 5000 }]);
  });

  test('asks its question', async () => {
    const question = () => ({ prompt: 'Which one?', answerSchema: { type: 'string' } });
    const wait = { delegation: { kind: 'QUESTION', timeoutSeconds: null, question } } as const;
    expect(await waitsOf(wait)).toMatchObject([
      {
        waitId: 'question_2',
        kind: 'QUESTION',
        summary: expect.stringContaining('Which one?'),
        question: { prompt: 'Which one?', answerSchema: { type: 'string' }, source: 'builtin', url: null },
      },
    ]);
  });

  test('waits beside one that the gateway executes, which is executed first', async () => {
    const tools = [quick('ask', { delegation }), quick('look')];
    const events = await executed({ models: calling('ask', 'look'), tools, given: inProgress });
    expect(typesOf(events).slice(-3)).toEqual(['tool_start', 'tool_result', 'status']);
    expect(endOf(events)?.to).toBe('AWAITING_APPROVAL');
  });
});
