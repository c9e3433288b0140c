import type { NewEvent } from '../../domain/events.ts';
import { ModelError, type ModelFinish, type ModelRequest } from '../../models/model.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';
import { closingEvents } from './closing-events.ts';
import { createDeltaRecorder, type DeltaRecorder } from './delta-recorder.ts';
import { encryptInputs } from './encrypted-input.ts';
import { type ModelCall, prepareContext } from './prepare-context.ts';

/** Reasons for which this file aborts a model call. */
const answerIsFull = new Error('The answer has reached its limit.');
const runIsGone = new Error('The run is not executed here any more.');

export type ModelCallOutcome =
  | { kind: 'recorded'; step: StepOutcome }
  /** `hasOutput`: part of the answer arrived before the failure. */
  | { kind: 'failed'; failure: ModelError; hasOutput: boolean };

/** Assembles the context, calls the model, records its answer while it streams, and closes the step. */
export async function callModel(execution: RunExecution, call: ModelCall): Promise<ModelCallOutcome> {
  const { step, model } = call;
  const prepared = await prepareContext(execution, call);
  if (prepared.kind === 'stop') return { kind: 'recorded', step: prepared.step };
  const { request, record, tokens } = prepared.context;
  // The model is called while the context is recorded. Nothing of its answer is recorded before.
  const contextRecorded = execution.record([{ type: 'context', actor: 'SYSTEM', payload: record }]);
  const answer = await streamAnswer(execution, call, { request, contextRecorded });
  switch (answer.kind) {
    case 'gone':
      return { kind: 'recorded', step: { kind: 'stop', leaseReleased: false } };
    case 'failed':
      return answer;
    case 'answered': {
      const { finish, deltas, unrecorded } = answer;
      if (finish.usage) {
        const measured = { estimated: tokens, counted: finish.usage.input };
        execution.dependencies.tokenMeter.observe(model.name, measured);
      }
      const estimatedInput = record.estimatedTokens;
      const closing = closingEvents(execution, { model, finish, text: deltas.text(), step, estimatedInput });
      const rows = encryptInputs(execution, closing);
      return { kind: 'recorded', step: await execution.record([...unrecorded, ...closing], rows) };
    }
    default:
      return answer satisfies never;
  }
}

type Answer =
  | { kind: 'answered'; finish: ModelFinish; deltas: DeltaRecorder; unrecorded: NewEvent[] }
  | { kind: 'failed'; failure: ModelError; hasOutput: boolean }
  | { kind: 'gone' };

async function streamAnswer(
  execution: RunExecution,
  { model, step, signal }: ModelCall,
  { request, contextRecorded }: { request: ModelRequest; contextRecorded: Promise<StepOutcome> },
): Promise<Answer> {
  const ownAbort = new AbortController();
  let storeFailure: unknown = null;
  const onStop = (error: unknown) => {
    storeFailure = error;
    ownAbort.abort(runIsGone);
  };
  const record = async (events: NewEvent[]) => {
    const context = await contextRecorded;
    return context.kind === 'stop' ? context : execution.record(events);
  };
  const deltas = createDeltaRecorder({ step, record, onStop, onFull: () => ownAbort.abort(answerIsFull) });
  contextRecorded.then(({ kind }) => kind === 'stop' && onStop(null), onStop);
  try {
    const finish = await model.model.stream(request, deltas.sink, AbortSignal.any([signal, ownAbort.signal]));
    const unrecorded = await deltas.finish();
    await contextRecorded;
    // The answer is complete, but part of it could not be recorded: the step starts again.
    if (ownAbort.signal.reason === runIsGone) throw runIsGone;
    return { kind: 'answered', finish, deltas, unrecorded };
  } catch (error) {
    // Whatever the failure is, the output before it is recorded.
    const unrecorded = await deltas.finish();
    if (storeFailure !== null) throw storeFailure;
    if (error === answerIsFull) return { kind: 'answered', finish: cutFinish(), deltas, unrecorded };
    if (error === runIsGone) return { kind: 'gone' };
    if (unrecorded.length > 0 && !signal.aborted) await record(unrecorded);
    await contextRecorded;
    if (error instanceof ModelError) return { kind: 'failed', failure: error, hasOutput: deltas.hasOutput() };
    throw error;
  }
}

const cutFinish = (): ModelFinish => ({ reason: 'length', calls: [], usage: null, responseId: null });
