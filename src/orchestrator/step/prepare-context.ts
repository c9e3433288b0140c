import { SUMMARY_FAILURES } from '../../config/limits.ts';
import { type AssembledContext, assembleContext } from '../../context/assemble.ts';
import { compact } from '../../context/compaction/compact.ts';
import { recallMemories } from '../../context/recall.ts';
import type { NewEvent } from '../../domain/events.ts';
import type { ToolDescription } from '../../models/model.ts';
import { insertCompaction } from '../../repositories/compactions.ts';
import type { Tool } from '../../tools/tool.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';
import type { ModelCall } from './call-model.ts';
import { type Progress, recordEvents } from './record-step.ts';

/** The part of the window that is used after a provider found the whole too long. */
const TIGHT_SHARE = 0.5;

export type Prepared = { kind: 'prepared'; context: AssembledContext } | { kind: 'stop'; progress: Progress };

/**
 * What the model is shown. Where older history takes too much of its window, that is summarised first, and the summary is on
 * the tape and in its table before it is used. Without one, the oldest history is left out, or results are cut. An attempt
 * that failed stands in the context that follows it, so that whoever goes on with the run knows how often it was tried.
 */
export async function prepareContext(
  environment: OrchestratorDependencies,
  lease: Lease,
  question: ModelCall,
): Promise<Prepared> {
  const context = await assemble(environment, question);
  const { pressure } = context;
  const isWanted = question.isTight || pressure !== 'none';
  if (!isWanted || !question.setting.session.useCompaction || !(await mayTry(environment, lease))) {
    return { kind: 'prepared', context };
  }
  const trigger = question.isTight || pressure === 'overflow' ? 'OVERFLOW' : 'THRESHOLD';
  const compacted = await compact(
    { ...environment.store, newId: environment.newId },
    {
      sessionId: lease.sessionId,
      segments: context.segments,
      previous: context.artifact,
      trigger,
      run: { runId: lease.runId, turn: question.run.turn ?? 1 },
      signal: question.signal,
      ...situation(environment, question),
    },
  );
  if (compacted.kind === 'failed') {
    const model = question.model.name;
    environment.logger.warn({ runId: lease.runId, model }, 'a summary could not be used');
    const failedCompaction = { reason: compacted.reason, model, usage: compacted.usage };
    return { kind: 'prepared', context: { ...context, record: { ...context.record, failedCompaction } } };
  }
  if (compacted.kind !== 'compacted') return { kind: 'prepared', context };
  const { artifact, usage } = compacted;
  const { id: artifactId, tokensBefore, tokensAfter, model } = artifact;
  const event: NewEvent = {
    type: 'compaction',
    actor: 'SYSTEM',
    payload: { artifactId, tokensBefore, tokensAfter, model, usage },
  };
  const progress = await recordEvents(environment, lease, [event], [insertCompaction(artifact)]);
  if (progress.kind === 'stop') return { kind: 'stop', progress };
  return { kind: 'prepared', context: await assemble(environment, question) };
}

/** The fold that the step began with may be older than an attempt before this one. */
async function mayTry({ store }: OrchestratorDependencies, { runId }: Lease): Promise<boolean> {
  const run = await store.runStore.load(runId);
  return run !== null && run.failedCompactions < SUMMARY_FAILURES;
}

function assemble(environment: OrchestratorDependencies, question: ModelCall): Promise<AssembledContext> {
  const { store, clock, context } = environment;
  const { setting, run, step } = question;
  return assembleContext(store, {
    session: setting.session,
    agent: setting.agent,
    run,
    step,
    tools: setting.tools.map(describe),
    recall: (asked) =>
      recallMemories({ database: store.database, now: clock.now, semanticSearch: context.semanticSearch }, asked),
    ...situation(environment, question),
  });
}

const descriptions = new WeakMap<Tool, ToolDescription>();

/** The same object for the same tool, so that it is written out once. */
function describe(tool: Tool): ToolDescription {
  const known = descriptions.get(tool);
  if (known) return known;
  const { name, description, inputSchema } = tool;
  const made = { name, description, inputSchema };
  descriptions.set(tool, made);
  return made;
}

function situation({ clock, context }: OrchestratorDependencies, { model, isTight }: ModelCall) {
  return { model, ratio: context.meter.ratio(model.name), share: isTight ? TIGHT_SHARE : 1, now: clock.now() };
}
