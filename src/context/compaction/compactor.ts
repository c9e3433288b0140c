import { segmentsOf } from '../../domain/session.ts';
import type { NewId } from '../../ids.ts';
import type { Catalogue } from '../../models/catalogue.ts';
import type { CurrentCatalogue } from '../../models/current-catalogue.ts';
import { latestCompaction } from '../../repositories/compactions.ts';
import { generationsOf, type HistorySession, type HistoryStore } from '../history.ts';
import type { TokenMeter } from '../token-estimate.ts';
import { type CompactionOutcome, compact } from './compact.ts';

/** Makes the compactions that clients request. */
export interface Compactor {
  /**
   * Summarises the older history of a session. Stores nothing. Rejects with the signal's reason if the signal aborts.
   * @param model a name of the catalogue; null for the default model
   */
  propose(session: HistorySession, model: string | null, signal: AbortSignal): Promise<CompactionOutcome>;
}

interface Dependencies extends HistoryStore {
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  catalogue: CurrentCatalogue;
  meter: TokenMeter;
}

export function createCompactor(dependencies: Dependencies): Compactor {
  const { catalogue } = dependencies;
  return {
    async propose(session, name, signal) {
      if (!session.useCompaction) {
        return { kind: 'nothing', reason: 'Compaction is off for this session: set `useCompaction` to true first.' };
      }
      const models = catalogue.hold();
      try {
        return await summarise(dependencies, models.catalogue, session, name, signal);
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
  name: string | null,
  signal: AbortSignal,
): Promise<CompactionOutcome> {
  const { meter, now, database } = dependencies;
  const model = catalogue.find(name ?? catalogue.defaultName);
  if (!model) return { kind: 'failed', reason: `The model "${name}" is not configured.`, usage: null };
  const segments = segmentsOf(await generationsOf(dependencies, session), session.resetTurn);
  return compact(dependencies, {
    sessionId: session.id,
    segments,
    previous: await latestCompaction(database, segments),
    run: null,
    trigger: 'MANUAL',
    model,
    ratio: meter.ratio(model.name),
    share: 1,
    now: now(),
    signal,
  });
}
