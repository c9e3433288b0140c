import type { Clock } from '../clock.ts';
import type { SemanticSearch } from '../context/memory/semantic-search.ts';
import type { TokenMeter } from '../context/token-meter.ts';
import type { Database } from '../database/database.ts';
import type { RunLimits } from '../domain/next-step.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../models/model.ts';
import type { Policy } from '../policy/policy.ts';
import type { SlotProvider } from '../run-store/execution-slot.ts';
import type { RunStore } from '../run-store/run-store.ts';
import type { NotificationHub } from '../streams/notifications/hub.ts';
import type { SecretStore } from '../tools/secret-store.ts';
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
export interface OrchestratorDependencies {
  store: { database: Database; journal: Journal; runStore: RunStore; notifications: NotificationHub };
  /** Where new runs get their places. */
  slotProvider: SlotProvider;
  /** What is learnt of models and memories while the server works. */
  context: { meter: TokenMeter; semanticSearch: SemanticSearch };
  services: { catalogue: Catalogue; toolbox: Toolbox; policy: Policy; secretStore: SecretStore };
  clock: Clock;
  newId: NewId;
  logger: Logger;
  settings: OrchestratorSettings;
}
