import type { AuditLog } from '../application/audit/audit-log.ts';
import type { AcceptedDefinitions } from '../application/tool-calls/accepted-definitions.ts';
import type { BlobStore } from '../attachments/blob-store.ts';
import type { Clock } from '../clock.ts';
import type { SemanticSearch } from '../context/memory/semantic-search.ts';
import type { TokenMeter } from '../context/token-estimate.ts';
import type { ToolTexts } from '../context/tool-texts.ts';
import type { Database } from '../database/database.ts';
import type { Budget } from '../domain/budget.ts';
import type { RunLimits } from '../domain/run-limits.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../logger.ts';
import type { CurrentCatalogue } from '../models/current-catalogue.ts';
import type { Policy } from '../policy/policy.ts';
import type { RunStore } from '../run-store/run-store.ts';
import type { NotificationHub } from '../streams/notifications/hub.ts';
import type { ClientTools } from '../tools/client-tools.ts';
import type { SchemaChecker } from '../tools/json-schema/schema-checker.ts';
import type { SecretStore } from '../tools/secret-store.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import type { Spending } from './spending.ts';

/** A reload of the configuration changes them. */
export interface OrchestratorSettings {
  /** The gateway's limits of one run. An agent can tighten them. */
  limits: RunLimits;
  /** The gateway's budgets, which apply to every run. */
  budgets: readonly Budget[];
  /** Text and thoughts of one model call. */
  answerBytes: number;
  /** Runs that this server executes at a time. */
  maxConcurrentRuns: number;
  leaseSeconds: number;
  approvalExpirySeconds: number;
  /** Whether the principal who started a run may not allow its tool calls. */
  separateApprover: boolean;
  /** Resumptions in a row without progress after which a run fails. */
  maxResumptions: number;
  /** Whether models and tools are told the trace of the run. */
  tracing: boolean;
}

/** Everything that the execution of runs uses. */
export interface OrchestratorDependencies {
  database: Database;
  journal: Journal;
  runStore: RunStore;
  notifications: NotificationHub;
  catalogue: CurrentCatalogue;
  toolbox: Toolbox;
  clientTools: ClientTools;
  policy: Policy;
  acceptedDefinitions: AcceptedDefinitions;
  secretStore: SecretStore;
  /** Compares results with output schemas. */
  schemaChecker: SchemaChecker;
  /** Has the bytes of attachments. */
  blobs: BlobStore;
  tokenMeter: TokenMeter;
  toolTexts: ToolTexts;
  semanticSearch: SemanticSearch;
  spending: Spending;
  clock: Clock;
  newId: NewId;
  logger: Logger;
  audit: Pick<AuditLog, 'rowOf'>;
  settings: OrchestratorSettings;
}
