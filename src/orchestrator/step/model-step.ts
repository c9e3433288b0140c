import { assembleContext } from '../../context/assemble.ts';
import { estimateTokens } from '../../context/token-estimate.ts';
import type { NewEvent, OutputUsage, PayloadOf, RunError } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { CatalogueEntry, ModelFinish, ModelRequest, RequestedCall } from '../../model/model.ts';
import { ModelError } from '../../model/model.ts';
import type { Environment } from '../environment.ts';
import type { Lease } from '../leases.ts';
import type { RunSetting } from '../run-setting.ts';
import { createDeltaRecorder, type DeltaRecorder } from './delta-recorder.ts';
import { type Progress, recordCommand, recordEvents } from './record-step.ts';
import { parseArguments } from './requested-call.ts';

/** Why a model call was stopped from the inside. */
const full = new Error('The answer reached its bound.');
const gone = new Error('The run is not ours any more.');

/** Assembles the context, asks the model, records its answer as it comes and closes the step. */
export async function modelStep(
  environment: Environment,
  lease: Lease,
  setting: RunSetting,
  run: Run,
  step: number,
  signal: AbortSignal,
): Promise<Progress> {
  const model = environment.world.catalogue.find(setting.model);
  if (!model) return fail(environment, lease, unknownModel(setting.model));
  const { store } = environment;
  const { instructions, resetTurn } = setting;
  const tools = setting.tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  const { request, record } = await assembleContext(store, { run, step, resetTurn, instructions, tools, model });
  const begun = await recordEvents(environment, lease, [{ type: 'context', actor: 'SYSTEM', payload: record }]);
  if (begun.kind === 'stop') return begun;
  try {
    const { finish, deltas, unrecorded } = await ask(environment, lease, { model, request, step, signal });
    const closing = closingEvents(environment, { model, finish, deltas, step, estimatedInput: record.estimatedTokens });
    return await recordEvents(environment, lease, [...unrecorded, ...closing]);
  } catch (error) {
    if (error === gone) return { kind: 'stop', handedBack: false };
    if (error instanceof ModelError) return fail(environment, lease, runError(error));
    throw error;
  }
}

interface Question {
  model: CatalogueEntry;
  request: ModelRequest;
  step: number;
  signal: AbortSignal;
}

async function ask(
  environment: Environment,
  lease: Lease,
  { model, request, step, signal }: Question,
): Promise<{ finish: ModelFinish; deltas: DeltaRecorder; unrecorded: NewEvent[] }> {
  const inside = new AbortController();
  let storeFailure: unknown = null;
  const deltas = createDeltaRecorder({
    step,
    record: (events) => recordEvents(environment, lease, events),
    onStop(error) {
      storeFailure = error;
      inside.abort(gone);
    },
    onFull: () => inside.abort(full),
  });
  try {
    const finish = await model.model.stream(request, deltas.sink, AbortSignal.any([signal, inside.signal]));
    const unrecorded = await deltas.finish();
    // The answer came to its end, but not all of it onto the tape: the step starts over.
    if (inside.signal.reason === gone) throw gone;
    return { finish, deltas, unrecorded };
  } catch (error) {
    // What was said before the failure is worth keeping, whatever the failure was.
    const unrecorded = await deltas.finish();
    if (storeFailure !== null) throw storeFailure;
    if (error === full) return { finish: cutShort(), deltas, unrecorded };
    if (unrecorded.length > 0 && !signal.aborted) await recordEvents(environment, lease, unrecorded);
    throw error;
  }
}

const cutShort = (): ModelFinish => ({ reason: 'length', calls: [], usage: null, responseId: null });

interface Closing {
  model: CatalogueEntry;
  finish: ModelFinish;
  deltas: DeltaRecorder;
  step: number;
  estimatedInput: number;
}

function closingEvents(environment: Environment, closing: Closing): NewEvent[] {
  const { finish, deltas, step, model } = closing;
  const { maxToolCalls } = environment.settings.limits;
  // One more than allowed is enough to see that the limit is passed.
  const asked = finish.calls.slice(0, maxToolCalls + 1);
  const calls = asked.map((call) => toolCall(environment, call, step));
  const output: NewEvent = {
    type: 'output',
    actor: 'MODEL',
    payload: {
      ...{ step, text: deltas.text(), toolCalls: calls.map(({ callId }) => callId) },
      ...{ finishReason: finish.reason, usage: usageOf(closing), model: model.name, responseId: finish.responseId },
    },
  };
  return [output, ...calls.map((payload): NewEvent => ({ type: 'tool_call', actor: 'MODEL', payload }))];
}

/** Ids are ours: those of providers repeat, or are missing. */
function toolCall({ newId }: Environment, call: RequestedCall, step: number): PayloadOf<'tool_call'> {
  return { step, callId: newId('call'), tool: storableText(call.tool), ...parseArguments(call.arguments) };
}

function usageOf({ finish, deltas, model, estimatedInput }: Closing): OutputUsage {
  const input = finish.usage?.input ?? estimatedInput;
  const output = finish.usage?.output ?? estimateTokens(deltas.text());
  const { price } = model;
  const cost = price && (input * price.inputPerMillion + output * price.outputPerMillion) / 1e6;
  return { input, output, estimated: finish.usage === null, cost };
}

function fail(environment: Environment, lease: Lease, error: RunError): Promise<Progress> {
  return recordCommand(environment, lease, { kind: 'fail', error });
}

function runError({ code, message, retryable }: ModelError): RunError {
  return { code, message, retryable };
}

function unknownModel(name: string): RunError {
  return { code: 'MODEL_UNAVAILABLE', message: `There is no model "${name}" in the configuration.`, retryable: false };
}
