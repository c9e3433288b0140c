import type { Starter } from '../application/run/starter.ts';
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import type { Meanings } from '../context/memory/meanings.ts';
import type { TokenMeter } from '../context/token-meter.ts';
import type { Database } from '../database/database.ts';
import type { RunLimits } from '../domain/next-step.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../model/model.ts';
import type { Policy } from '../policy/policy.ts';
import type { Recorder } from '../projections/recording/recorder.ts';
import type { SecretVault } from '../tools/secret-vault.ts';
import type { Toolbox } from '../tools/toolbox.ts';

export interface OrchestratorSettings {
  limits: RunLimits;
  maxConcurrentRuns: number;
  leaseSeconds: number;
  approvalExpirySeconds: number;
  /** Whether who started a run may not allow its calls. */
  separateApprover: boolean;
  maxResumptions: number;
}

/** Everything that executing runs touches. */
export interface Environment {
  store: { database: Database; journal: Journal; recorder: Recorder; bus: Bus };
  /** Where new runs get their places. */
  starter: Starter;
  /** What is learnt of models and memories while the server works. */
  context: { meter: TokenMeter; meanings: Meanings };
  world: { catalogue: Catalogue; toolbox: Toolbox; policy: Policy; secrets: SecretVault };
  clock: Clock;
  newId: NewId;
  logger: Logger;
  settings: OrchestratorSettings;
}
