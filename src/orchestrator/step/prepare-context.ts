import { SUMMARY_FAILURES } from '../../config/limits.ts';
import { type AssembledContext, assembleContext } from '../../context/assemble.ts';
import { chargedModel } from '../../context/charged-model.ts';
import { compact } from '../../context/compaction/compact.ts';
import { recallMemories } from '../../context/memory/recall.ts';
import type { NewEvent } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import type { CatalogueEntry } from '../../models/catalogue.ts';
import { insertCompaction } from '../../repositories/compactions.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';
import { chargeCall } from './charge-call.ts';

export interface ModelCall {
  run: Run;
  step: number;
  model: CatalogueEntry;
  /** Whether the provider found the previous context too long. */
  isTight: boolean;
  signal: AbortSignal;
}

/** The share of the window that is used after a provider found the context too long. */
const TIGHT_SHARE = 0.5;

type Prepared = { kind: 'prepared'; context: AssembledContext } | { kind: 'stop'; step: StepOutcome };

/**
 * Assembles what the model is shown. When older history takes too much of the window, it is summarised first; the compaction is
 * recorded before it is used. Without a usable summary the oldest history is left out, or tool results are cut. The `context`
 * event names a failed attempt, so that any executor of the run knows how many there were.
 */
export async function prepareContext(execution: RunExecution, call: ModelCall): Promise<Prepared> {
  const context = await assemble(execution, call);
  const { pressure } = context;
  const isWanted = call.isTight || pressure !== 'none';
  const { useCompaction } = execution.configuration.session;
  if (!isWanted || !useCompaction || !(await mayCompact(execution))) return { kind: 'prepared', context };
  const { dependencies, lease } = execution;
  const compacted = await compact(dependencies, {
    sessionId: lease.sessionId,
    segments: context.segments,
    previous: context.compaction,
    trigger: call.isTight || pressure === 'overflow' ? 'OVERFLOW' : 'THRESHOLD',
    run: { runId: lease.runId, turn: call.run.turn ?? 1 },
    signal: call.signal,
    ...windowOf(execution, call),
    model: chargedModel(call.model, (inputTokens, signal) =>
      chargeCall(execution, { run: call.run, model: call.model, inputTokens, signal }),
    ),
  });
  if (compacted.kind === 'failed') {
    const model = call.model.name;
    dependencies.logger.warn({ runId: lease.runId, model }, 'a summary could not be used');
    const failedCompaction = { reason: compacted.reason, model, usage: compacted.usage };
    return { kind: 'prepared', context: { ...context, record: { ...context.record, failedCompaction } } };
  }
  if (compacted.kind !== 'compacted') return { kind: 'prepared', context };
  const { compaction, usage } = compacted;
  const { id: artifactId, tokensBefore, tokensAfter, model } = compaction;
  const payload = { artifactId, tokensBefore, tokensAfter, model, usage };
  const event: NewEvent = { type: 'compaction', actor: 'SYSTEM', payload };
  const step = await execution.record([event], [insertCompaction(compaction)]);
  if (step.kind === 'stop') return { kind: 'stop', step };
  return { kind: 'prepared', context: await assemble(execution, call) };
}

/** Reads the newest fold: the one that the step started with may be older than an attempt of the same step. */
async function mayCompact({ dependencies, lease }: RunExecution): Promise<boolean> {
  const run = await dependencies.runStore.load(lease.runId);
  return run !== null && run.failedCompactions < SUMMARY_FAILURES;
}

function assemble(execution: RunExecution, call: ModelCall): Promise<AssembledContext> {
  const { dependencies, configuration } = execution;
  const { database, clock, semanticSearch, toolTexts } = dependencies;
  return assembleContext(dependencies, {
    session: configuration.session,
    agent: configuration.agent,
    run: call.run,
    step: call.step,
    tools: configuration.tools,
    outputSchema: configuration.outputSchema,
    toolTexts,
    recall: (request) => recallMemories({ database, now: clock.now, semanticSearch }, request),
    ...windowOf(execution, call),
  });
}

/** The model and how much of its window may be used. */
function windowOf({ dependencies }: RunExecution, { model, isTight }: ModelCall) {
  const { clock, tokenMeter } = dependencies;
  return { model, ratio: tokenMeter.ratio(model.name), share: isTight ? TIGHT_SHARE : 1, now: clock.now() };
}
