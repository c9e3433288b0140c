import { segmentsOf } from '../../domain/session/lineage.ts';
import type { NewId } from '../../ids.ts';
import type { Catalogue } from '../../models/model.ts';
import { latestCompaction } from '../../repositories/compactions.ts';
import { generationsOf, type HistorySession, type HistoryStore } from '../history.ts';
import type { TokenMeter } from '../token-meter.ts';
import { type Compacted, compact } from './compact.ts';

/** Makes summaries that somebody asks for. */
export interface Compactor {
  /** Stores nothing. `model` is a name of the catalogue, null for the default one. Rejects where the signal aborts. */
  propose(session: HistorySession, model: string | null, signal: AbortSignal): Promise<Compacted>;
}

interface Dependencies extends HistoryStore {
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  catalogue: Catalogue;
  meter: TokenMeter;
}

export function createCompactor(dependencies: Dependencies): Compactor {
  const { catalogue, meter, now, database } = dependencies;
  return {
    async propose(session, name, signal) {
      if (!session.useCompaction) {
        return { kind: 'nothing', reason: 'The session is set to show the originals: set `useCompaction` first.' };
      }
      const model = catalogue.find(name ?? catalogue.defaultName);
      if (!model) return { kind: 'failed', reason: `There is no model "${name}" in the configuration.`, usage: null };
      const segments = segmentsOf(await generationsOf(dependencies, session), session.resetTurn);
      const previous = await latestCompaction(database, segments);
      return compact(dependencies, {
        sessionId: session.id,
        segments,
        previous,
        run: null,
        trigger: 'MANUAL',
        model,
        ratio: meter.ratio(model.name),
        share: 1,
        now: now(),
        signal,
      });
    },
  };
}
