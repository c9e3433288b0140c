import { segmentsOf } from '../../domain/session.ts';
import type { NewId } from '../../ids.ts';
import type { Catalogue } from '../../models/catalogue.ts';
import type { CurrentCatalogue } from '../../models/current-catalogue.ts';
import type { AgentInForce } from '../../repositories/agents.ts';
import { latestCompaction } from '../../repositories/compactions.ts';
import type { CallCharges } from '../call-charges.ts';
import { chargedCall, chargedModel, plannedCall } from '../charged-model.ts';
import { generationsOf, type HistorySession, type HistoryStore } from '../history.ts';
import type { TokenMeter } from '../token-estimate.ts';
import { type CompactionOutcome, compact } from './compact.ts';

/** Makes the compactions that clients request. */
export interface Compactor {
  /**
   * Summarises the older history of a session. Stores nothing. Rejects with the signal's reason if the signal aborts.
   * Its call is charged to the budgets of the session, the agent and the owner.
   * @param agent of the session's next run; its model is a name of the catalogue, or null for the default model
   */
  propose(session: HistorySession, agent: SessionAgent | null, signal: AbortSignal): Promise<CompactionOutcome>;
}

type SessionAgent = Pick<AgentInForce, 'id' | 'name' | 'model'>;

interface Dependencies extends HistoryStore {
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  catalogue: CurrentCatalogue;
  meter: TokenMeter;
  charges: CallCharges;
}

export function createCompactor(dependencies: Dependencies): Compactor {
  const { catalogue } = dependencies;
  return {
    async propose(session, agent, signal) {
      if (!session.useCompaction) {
        return { kind: 'nothing', reason: 'Compaction is off for this session: set `useCompaction` to true first.' };
      }
      const models = catalogue.hold();
      try {
        return await summarise(dependencies, models.catalogue, session, agent, signal);
      } finally {
        models.release();
      }
    },
  };
}

async function summarise(
  dependencies: Dependencies,
  catalogue: Catalogue,
  session: HistorySession,
  agent: SessionAgent | null,
  signal: AbortSignal,
): Promise<CompactionOutcome> {
  const { meter, now, database, charges } = dependencies;
  const name = agent?.model ?? catalogue.defaultName;
  const model = catalogue.find(name);
  if (!model) return { kind: 'failed', reason: `The model "${name}" is not configured.`, usage: null };
  const caller = { owner: session.owner, sessionId: session.id, agent, runId: null };
  const segments = segmentsOf(await generationsOf(dependencies, session), session.resetTurn);
  return compact(dependencies, {
    sessionId: session.id,
    segments,
    previous: await latestCompaction(database, segments),
    run: null,
    trigger: 'MANUAL',
    model: chargedModel(model, async (inputTokens) =>
      chargedCall(model, await charges.reserve(caller, plannedCall(model, inputTokens))),
    ),
    ratio: meter.ratio(model.name),
    share: 1,
    now: now(),
    signal,
  });
}
