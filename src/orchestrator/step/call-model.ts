import type { NewEvent } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import { type CatalogueEntry, ModelError, type ModelFinish, type ModelRequest } from '../../models/model.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';
import type { RunConfiguration } from '../run-configuration.ts';
import { closingEvents } from './closing-events.ts';
import { createDeltaRecorder, type DeltaRecorder } from './delta-recorder.ts';
import { encryptInputs } from './encrypted-input.ts';
import { prepareContext } from './prepare-context.ts';
import { type Progress, recordEvents } from './record-step.ts';

/** Why a model call was stopped from the inside. */
const full = new Error('The answer reached its bound.');
const gone = new Error('The run is not ours any more.');

export interface ModelCall {
  setting: RunConfiguration;
  run: Run;
  step: number;
  model: CatalogueEntry;
  /** Whether the provider found the context before this one too long. */
  isTight: boolean;
  signal: AbortSignal;
}

export type ModelCallOutcome =
  | { kind: 'recorded'; progress: Progress }
  /** `hasSpoken`: something of the answer came before. */
  | { kind: 'failed'; failure: ModelError; hasSpoken: boolean };

/** Assembles the context, asks the model, records its answer as it comes and closes the step. */
export async function callModel(
  environment: OrchestratorDependencies,
  lease: Lease,
  question: ModelCall,
): Promise<ModelCallOutcome> {
  const { step, model } = question;
  const prepared = await prepareContext(environment, lease, question);
  if (prepared.kind === 'stop') return { kind: 'recorded', progress: prepared.progress };
  const { request, record, tokens } = prepared.context;
  // The model is asked meanwhile; nothing of its answer is recorded before.
  const begun = recordEvents(environment, lease, [{ type: 'context', actor: 'SYSTEM', payload: record }]);
  const answer = await listen(environment, lease, question, { request, begun });
  switch (answer.kind) {
    case 'gone':
      return { kind: 'recorded', progress: { kind: 'stop', handedBack: false } };
    case 'failed':
      return answer;
    case 'answered': {
      const { finish, deltas, unrecorded } = answer;
      const estimatedInput = record.estimatedTokens;
      if (finish.usage) {
        environment.context.meter.observe(model.name, { estimated: tokens, counted: finish.usage.input });
      }
      const closing = closingEvents(environment, {
        model,
        finish,
        text: deltas.text(),
        sessionId: lease.sessionId,
        step,
        estimatedInput,
      });
      const sealed = encryptInputs(environment, lease, closing);
      const progress = await recordEvents(environment, lease, [...unrecorded, ...closing], sealed);
      return { kind: 'recorded', progress };
    }
    default:
      return answer satisfies never;
  }
}

type Answer =
  | { kind: 'answered'; finish: ModelFinish; deltas: DeltaRecorder; unrecorded: NewEvent[] }
  | { kind: 'failed'; failure: ModelError; hasSpoken: boolean }
  | { kind: 'gone' };

async function listen(
  environment: OrchestratorDependencies,
  lease: Lease,
  { model, step, signal }: ModelCall,
  { request, begun }: { request: ModelRequest; begun: Promise<Progress> },
): Promise<Answer> {
  const inside = new AbortController();
  let storeFailure: unknown = null;
  const onStop = (error: unknown) => {
    storeFailure = error;
    inside.abort(gone);
  };
  const record = async (events: NewEvent[]) => {
    const first = await begun;
    return first.kind === 'stop' ? first : recordEvents(environment, lease, events);
  };
  const deltas = createDeltaRecorder({ step, record, onStop, onFull: () => inside.abort(full) });
  begun.then(({ kind }) => kind === 'stop' && onStop(null), onStop);
  try {
    const finish = await model.model.stream(request, deltas.sink, AbortSignal.any([signal, inside.signal]));
    const unrecorded = await deltas.finish();
    await begun;
    // The answer came to its end, but not all of it onto the tape: the step starts over.
    if (inside.signal.reason === gone) throw gone;
    return { kind: 'answered', finish, deltas, unrecorded };
  } catch (error) {
    // What was said before the failure is worth keeping, whatever the failure was.
    const unrecorded = await deltas.finish();
    if (storeFailure !== null) throw storeFailure;
    if (error === full) return { kind: 'answered', finish: cutShort(), deltas, unrecorded };
    if (error === gone) return { kind: 'gone' };
    if (unrecorded.length > 0 && !signal.aborted) await record(unrecorded);
    await begun;
    if (error instanceof ModelError) return { kind: 'failed', failure: error, hasSpoken: deltas.hasSpoken() };
    throw error;
  }
}

const cutShort = (): ModelFinish => ({ reason: 'length', calls: [], usage: null, responseId: null });
