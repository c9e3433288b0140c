import { newestTurn } from '../../projections/runs.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';
import { type Progress, recordCommand } from './record-step.ts';

/** Gives the run its turn. The database lets one run of a session be under way; a second one is put back in line. */
export async function startRun(environment: OrchestratorDependencies, lease: Lease): Promise<Progress> {
  const newest = await newestTurn(environment.store.database, lease.sessionId);
  return recordCommand(environment, lease, { kind: 'start', turn: newest + 1 });
}
