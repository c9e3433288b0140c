import { expect, test } from 'vitest';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { isRefusal } from '../../../src/domain/refusal.ts';
import { foldOn, type Run } from '../../../src/domain/run.ts';
import { callsOf } from '../../../src/domain/step.ts';
import type { RunExecution } from '../../../src/orchestrator/run-execution.ts';
import { toolStep } from '../../../src/orchestrator/step/tool-step.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { createFakeClock } from '../fake-clock.ts';

const callIds = ['slow', 'quick'];

/** A run whose model requested one call for each id. */
function runWithCalls(): Run {
  const origin = { sessionId: 'ses_1', agentId: null, model: null, retryOf: null, urgent: false, scopes: [] };
  const usage = { input: 1, output: 1, estimated: false, cost: null, cachedInput: null, reasoning: null };
  const output = { step: 1, text: '', toolCalls: callIds, finishReason: 'tool-calls', usage, model: 'scripted' };
  const status = { reason: null, error: null };
  const events: NewEvent[] = [
    { type: 'input', actor: 'USER', payload: { text: 'go', steered: false, idempotencyKey: null, origin } },
    { type: 'status', actor: 'USER', payload: { from: null, to: 'PENDING', turn: null, ...status } },
    { type: 'status', actor: 'SYSTEM', payload: { from: 'PENDING', to: 'IN_PROGRESS', turn: 1, ...status } },
    {
      type: 'output',
      actor: 'MODEL',
      payload: { ...output, storedText: null, refusal: null, responseId: null, providerState: null },
    },
    ...callIds.map((callId): NewEvent => {
      const payload = { step: 1, callId, tool: callId, input: {}, inputError: null };
      return { type: 'tool_call', actor: 'MODEL', payload };
    }),
  ];
  const run = foldOn(null, { runId: 'run_1', now: 0, epoch: 1 }, events);
  if (!run) throw new Error('The events begin a run.');
  return run;
}

/** Executes both calls. The results of these tools cannot be recorded, because the run is executed elsewhere by then. */
async function executeBoth(lost: readonly string[] = []) {
  const clock = createFakeClock();
  const tools = callIds.map(
    (name): Tool => ({
      name,
      description: '',
      inputSchema: {},
      risk: 'LOW',
      idempotent: false,
      parallelSafe: true,
      timeoutSeconds: 60,
      source: 'builtin',
      prepare: (input) => ({ ok: true, input }),
      execute: async () => {
        await clock.sleep(name === 'slow' ? 100 : 1);
        return name;
      },
    }),
  );
  let run = runWithCalls();
  async function record(events: NewEvent[]) {
    run = foldOn(run, { runId: 'run_1', now: clock.now(), epoch: 1 }, events) ?? run;
    return { kind: 'continue', run } as const;
  }
  const execution = {
    traceParent: () => undefined,
    dependencies: {
      toolbox: createToolbox(tools),
      clock,
      newId: () => 'key_1',
      secretStore: createSecretStore(null),
      policy: { evaluate: () => ({ effect: 'ALLOW', reason: 'By policy.', rules: [] }) },
      acceptedDefinitions: { compare: async () => undefined, quarantineOf: () => null },
      database: {},
      settings: {},
    },
    configuration: {
      session: { id: 'ses_1', owner: 'anna' },
      tools,
      caller: { tools: null, principal: { id: 'ada', scopes: [] }, session: { id: 'ses_1', key: '' } },
    },
    lease: { runId: 'run_1', sessionId: 'ses_1', epoch: 1, lost: false },
    record,
    async recordCommand(command: RunCommand) {
      if (command.kind === 'endCall' && lost.includes(command.result.tool)) {
        return { kind: 'stop', leaseReleased: false } as const;
      }
      const decision = decide(run, command, clock.now());
      return isRefusal(decision) ? ({ kind: 'stop', leaseReleased: false } as const) : record(decision.events);
    },
  } as unknown as RunExecution;
  const outcome = toolStep(execution, callsOf(run.step), new AbortController().signal);
  await clock.advance(200);
  return { outcome: await outcome, run };
}

test('parallel calls that finish in another order continue with the results of all', async () => {
  const { outcome, run } = await executeBoth();
  expect(outcome).toEqual({ kind: 'continue', run });
  expect(callsOf(run.step).map(({ phase }) => phase.at)).toEqual(['settled', 'settled']);
});

test.each([[['slow']], [['quick']], [callIds]])(
  'parallel calls stop the run here if a result could not be recorded: %j',
  async (lost) => {
    expect((await executeBoth(lost)).outcome).toEqual({ kind: 'stop', leaseReleased: false });
  },
);
