import type { BlobStore } from '../attachments/blob-store.ts';
import type { Uploads } from '../attachments/uploads.ts';
import type { ConfiguredAgent } from '../config/agents-config.ts';
import type { Compactor } from '../context/compaction/compactor.ts';
import type { SemanticSearch } from '../context/memory/semantic-search.ts';
import type { Database } from '../database/database.ts';
import type { DiskSpace } from '../database/disk-space.ts';
import type { KeyedMutex } from '../database/mutex.ts';
import type { AttachmentKind } from '../domain/events.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Signer } from '../journal/signer.ts';
import type { Logger } from '../logger.ts';
import type { Observer } from '../observer.ts';
import type { Policy } from '../policy/policy.ts';
import type { RunStore } from '../run-store/run-store.ts';
import type { NotificationHub } from '../streams/notifications/hub.ts';
import type { ClientTools } from '../tools/client-tools.ts';
import type { SchemaChecker } from '../tools/json-schema/schema-checker.ts';
import type { SecretStore } from '../tools/secret-store.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { Quotas } from './quotas.ts';
import type { AcceptedDefinitions } from './tool-calls/accepted-definitions.ts';

export interface AttachmentLimits {
  /** One file. A longer one is refused. */
  maxBytes: number;
  perMessage: number;
  perOwner: number;
  /** Time in which a message must refer to an upload. Then it is deleted. */
  unusedSeconds: number;
}

/** The part of the configuration that commands need. */
export interface CommandSettings {
  /** Names of the models that a message or an agent may name. */
  models: readonly string[];
  /** The model where neither the message nor the agent names one. */
  defaultModel: string;
  /** What a model can be shown beside text. */
  attachmentKinds(model: string): readonly AttachmentKind[];
  attachments: AttachmentLimits;
  /** The most runs of one session that may be PENDING. */
  queueLength: number;
  /** Items that the total count of a list counts. */
  countedItems: number;
  /** Versions of all agents of one owner. A further one is refused. */
  agentVersions: number;
  /** The agents that the operator defines, which clients cannot change. */
  configuredAgents: readonly Pick<ConfiguredAgent, 'owner' | 'name' | 'isDefault'>[];
  /** What happens to a run when an approval expires. */
  onExpiry: 'deny' | 'fail';
  /** Whether the principal who started a run may not allow its tool calls. */
  separateApprover: boolean;
  approvalExpirySeconds: number;
  /** How long the feed of changes is kept. */
  activityRetentionDays: number;
  auditRetentionDays: number;
  /** Whether runs continue the traces of their requests. */
  tracing: boolean;
}

/** What every command works with. */
export interface CommandContext {
  database: Database;
  runStore: RunStore;
  journal: Pick<Journal, 'read' | 'readMany'>;
  /** Refuses new messages and uploads while a disk is almost full. */
  diskSpace: Pick<DiskSpace, 'check' | 'problem'>;
  /** What principals may store. */
  quotas: Quotas;
  /** Receives files, and keeps the bytes of those that are stored. */
  uploads: Uploads;
  blobs: BlobStore;
  /** Writes the summaries that a client requests. */
  compactor: Compactor;
  toolbox: Toolbox;
  clientTools: ClientTools;
  policy: Policy;
  acceptedDefinitions: AcceptedDefinitions;
  secretStore: SecretStore;
  /** Signs the records of purges; null without a key. */
  signer: Signer | null;
  /** Checks output schemas, and answers to questions. */
  schemaChecker: SchemaChecker;
  notifications: Pick<NotificationHub, 'publishSession'>;
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  semanticSearch: SemanticSearch;
  /** Serialises the commands of this server on one session. Other servers are held off by rules of the database. */
  mutex: KeyedMutex;
  /** Receives who decided what. Never texts of users, models or tools. */
  logger: Pick<Logger, 'info' | 'error'>;
  observer?: Pick<Observer, 'refused'>;
  audit: AuditLog;
  settings: CommandSettings;
}

/**
 * The authenticated caller. Owns what it creates and sees nothing else, except that the scope `approve:any` also shows the
 * approvals of other principals' runs.
 */
export interface Viewer {
  principal: string;
  scopes: readonly string[];
  /** Missing if the command does not come over the network. */
  from?: RequestOrigin;
}

/** Where a request comes from. */
export interface RequestOrigin {
  /** IP address of the client, or of the proxy before it; null if it is not known. */
  address: string | null;
  /** The header `traceparent`; null if there is none or it is malformed. */
  traceParent: string | null;
}
