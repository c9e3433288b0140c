import { createHash } from 'node:crypto';
import * as limits from '../../config/limits.ts';
import { failedResult } from '../../domain/decide.ts';
import type { Json, NewEvent, PayloadOf } from '../../domain/events.ts';
import { maskJson, maskText } from '../../domain/secrets/mask.ts';
import type { ToolCall } from '../../domain/step.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import { insertAttachment } from '../../repositories/attachments.ts';
import { runTool, type ToolOutcome } from '../../tools/bounded-call.ts';
import type { Tool } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';
import type { RunConfiguration } from '../run-configuration.ts';
import { revealInput } from './encrypted-input.ts';
import { approvalRequest } from './policy-step.ts';
import { createProgressRecorder, type ProgressRecorder } from './progress-recorder.ts';
import { type Progress, recordEvents, recordReport } from './record-step.ts';

/** Runs allowed calls: neighbours that are parallel-safe a few at a time, the others one by one, in the order of the model. */
export async function toolStep(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<Progress> {
  const [batch = []] = batches(environment, calls);
  // Durable before any tool is touched, so that a crash can never hide an execution.
  const begun = await recordEvents(
    environment,
    lease,
    batch.map((call) => startOf(environment, call)),
  );
  if (begun.kind === 'stop') return begun;
  const started = new Map(
    begun.run.step.at === 'answered' ? begun.run.step.calls.map((call) => [call.callId, call]) : [],
  );
  const results = await Promise.all(
    batch.map((call) => execute(environment, lease, setting, started.get(call.callId) ?? call, signal)),
  );
  return results.find(({ kind }) => kind === 'stop') ?? results.at(-1) ?? begun;
}

function batches({ services: world }: OrchestratorDependencies, calls: readonly ToolCall[]): ToolCall[][] {
  const parallel = (call: ToolCall) => world.toolbox.find(call.tool)?.parallelSafe ?? false;
  const grouped: ToolCall[][] = [];
  for (const call of calls) {
    const last = grouped.at(-1);
    const neighbour = last?.at(-1);
    if (last && neighbour && parallel(call) && parallel(neighbour) && last.length < limits.PARALLEL_CALLS)
      last.push(call);
    else grouped.push([call]);
  }
  return grouped;
}

function startOf({ newId }: OrchestratorDependencies, { callId, tool, attempts, idempotencyKey }: ToolCall): NewEvent {
  return {
    type: 'tool_start',
    actor: 'SYSTEM',
    payload: { callId, tool, attempt: attempts + 1, idempotencyKey: idempotencyKey ?? newId('key') },
  };
}

async function execute(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  call: ToolCall,
  signal: AbortSignal,
): Promise<Progress> {
  const tool = environment.services.toolbox.find(call.tool);
  if (!tool) {
    const absence = environment.services.toolbox.absence(call.tool) ?? `The tool ${call.tool} is not available now.`;
    return recordEvents(environment, lease, [failedResult(call, absence)]);
  }
  const bounds = { clock: environment.clock, outputBytes: limits.TOOL_OUTPUT_BYTES };
  const revealed = await revealInput(environment, setting.session.id, call);
  if (!revealed.ok) return recordEvents(environment, lease, [failedResult(call, revealed.error)]);
  const reports = reportsOf(environment, lease, call);
  const context = {
    signal,
    idempotencyKey: call.idempotencyKey ?? call.callId,
    session: setting.session,
    progress: reports.take,
  };
  const outcome = await runTool(tool, revealed.input, context, bounds).finally(reports.end);
  const { payload, writes } = resultOf(environment, lease, call, tool, outcome);
  return recordEvents(environment, lease, [{ type: 'tool_result', actor: 'TOOL', payload }], writes);
}

function reportsOf(environment: OrchestratorDependencies, lease: Lease, { callId, tool }: ToolCall): ProgressRecorder {
  const { clock, logger } = environment;
  return createProgressRecorder({
    clock,
    record: (report) => recordReport(environment, lease, { callId, tool, ...report }),
    onLost: (error) => logger.debug({ err: error, runId: lease.runId }, 'a report of progress was not recorded'),
  });
}

function resultOf(
  { newId }: OrchestratorDependencies,
  { runId }: Lease,
  call: ToolCall,
  tool: Tool,
  outcome: ToolOutcome,
) {
  const { durationMilliseconds } = outcome;
  const result: PayloadOf<'tool_result'> = {
    callId: call.callId,
    tool: tool.name,
    ok: outcome.ok,
    output: null,
    error: null,
    durationMilliseconds: Math.round(durationMilliseconds),
    truncated: false,
    attachment: null,
  };
  if (!outcome.ok) return { payload: { ...result, error: maskText(outcome.error) }, writes: [] };
  const { text, value } = canonicalJson(maskJson(outcome.output));
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.INLINE_OUTPUT_BYTES) {
    return { payload: { ...result, output: value, truncated: outcome.truncated }, writes: [] };
  }
  const id = newId('attachment');
  const attachment = { id, bytes, sha256: createHash('sha256').update(text).digest('hex') };
  return {
    payload: { ...result, output: beginningOf(value, text), truncated: outcome.truncated, attachment },
    writes: [insertAttachment({ id, runId, content: text })],
  };
}

/** What the event and the model keep of an output that stands beside the tape. */
function beginningOf(value: Json, text: string): string {
  const whole = typeof value === 'string' ? value : text;
  const cut = Buffer.from(whole)
    .subarray(0, limits.INLINE_OUTPUT_BYTES)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
  return `${cut}\n[The output goes on: ${Buffer.byteLength(whole)} bytes in all.]`;
}

/** Calls that an executor before this one started and did not finish: repeated where that does no harm, else a person is asked. */
export async function recoverStep(
  environment: OrchestratorDependencies,
  lease: Lease,
  setting: RunConfiguration,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<Progress> {
  const repeatable = (call: ToolCall) => environment.services.toolbox.find(call.tool)?.idempotent ?? false;
  const doubtful = calls.filter((call) => !repeatable(call));
  if (doubtful.length === 0) return toolStep(environment, lease, setting, calls, signal);
  const questions = doubtful.map((call) =>
    approvalRequest(environment, call, environment.services.toolbox.find(call.tool), 'unknown_outcome'),
  );
  return recordEvents(environment, lease, questions);
}
