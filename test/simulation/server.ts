import { monotonicFactory } from 'ulid';
import { createAuditLog } from '../../src/application/audit/audit-log.ts';
import type { CommandContext } from '../../src/application/command-context.ts';
import { createAcceptedDefinitions } from '../../src/application/tool-calls/accepted-definitions.ts';
import { createWaitExpiry } from '../../src/application/wait/expire-waits.ts';
import type { Compactor } from '../../src/context/compaction/compactor.ts';
import { noSemanticSearch } from '../../src/context/memory/semantic-search.ts';
import { createTokenMeter } from '../../src/context/token-estimate.ts';
import { createToolTexts } from '../../src/context/tool-texts.ts';
import type { Database } from '../../src/database/database.ts';
import { createKeyedMutex } from '../../src/database/mutex.ts';
import { isStoreFault } from '../../src/database/store-error.ts';
import { createIds, type IdKind, type NewId, timeOfId } from '../../src/ids.ts';
import { createDatabaseJournal } from '../../src/journal/database-journal.ts';
import type { Logger } from '../../src/logger.ts';
import { createCurrentCatalogue } from '../../src/models/current-catalogue.ts';
import type { OrchestratorSettings } from '../../src/orchestrator/dependencies.ts';
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts';
import { createSpending } from '../../src/orchestrator/spending.ts';
import { chargeAbandonedCalls } from '../../src/repositories/budget-ledger.ts';
import { createRunStore } from '../../src/run-store/run-store.ts';
import { hintsOf } from '../../src/streams/notifications/hints.ts';
import { createSharedNotificationHub } from '../../src/streams/notifications/shared-hub.ts';
import { createClientTools } from '../../src/tools/client-tools.ts';
import { createSecretStore } from '../../src/tools/secret-store.ts';
import { createToolbox } from '../../src/tools/toolbox.ts';
import { attachmentLimits, createMemoryBlobs, enoughSpace, noQuotas, noUploads } from '../attachment-storage.ts';
import { immediateSchemas } from '../immediate-schemas.ts';
import type { Host } from './host.ts';
import { createSimulatedCatalogue, createSimulatedTools, type Outside, simulatedPolicy } from './outside.ts';
import type { Random } from './random.ts';

/** One server process: everything that executes runs is real. */
export interface SimulatedServer {
  host: Host;
  /** Under which it holds leases. */
  holder: string;
  context: CommandContext;
  orchestrator: Orchestrator;
  isStopping: boolean;
}

export interface ServerOptions {
  host: Host;
  database: Database;
  random: Random;
  outside: Outside;
  settings: OrchestratorSettings;
  queueLength: number;
  /** Receives what the server logs as an error. */
  onError(error: unknown, message: string): void;
}

/** Simulated inputs hold no credentials. */
const secretStore = createSecretStore(null);
/** Small, so that folds leave the memory and are read again. */
const CACHED_RUNS = 3;

/** The composition of `src/server/gateway.ts`, without transports. */
export function startServer(options: ServerOptions): SimulatedServer {
  const { host, database, random, outside, settings, queueLength, onError } = options;
  const { clock } = host;
  const newId = createSeededIds(clock.now, random);
  const logger = createSimulatedLogger(onError);
  const journal = createDatabaseJournal(database, clock, ({ runId, sessionId, events }) => {
    notifications.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, hints: hintsOf(events) });
  });
  const ignoredOutage = { failed: () => undefined, worked: () => undefined };
  if (!database.notifications) throw new Error('The servers need a channel between them.');
  const notifications = createSharedNotificationHub({
    notifications: database.notifications,
    notify: true,
    id: newId('server'),
    clock,
    batchMilliseconds: 5,
    pollMilliseconds: 1000,
    async heads(runIds) {
      const ends = await journal.readEnds(runIds, 1);
      return new Map([...ends].map(([runId, events]) => [runId, events.at(-1)?.seq ?? 0]));
    },
    onState: () => undefined,
    outage: ignoredOutage,
  });
  const runStore = createRunStore({
    journal,
    claimNow: (run, kind) => orchestrator.claimNow(run, kind),
    now: clock.now,
    cachedRuns: CACHED_RUNS,
    isShared: true,
  });
  const catalogue = createCurrentCatalogue(createSimulatedCatalogue(outside));
  const toolbox = createToolbox(createSimulatedTools(outside));
  const clientTools = createClientTools(immediateSchemas);
  const policy = simulatedPolicy();
  const acceptedDefinitions = createAcceptedDefinitions({
    database,
    now: clock.now,
    logger,
    hasQuarantine: () => true,
  });
  const audit = createAuditLog({ database, clock, newId, logger });
  const context: CommandContext = {
    database,
    runStore,
    journal,
    diskSpace: enoughSpace,
    quotas: noQuotas,
    uploads: noUploads,
    blobs: createMemoryBlobs(),
    schemaChecker: immediateSchemas,
    // No simulated command writes a summary.
    compactor: {} as Compactor,
    toolbox,
    clientTools,
    policy,
    acceptedDefinitions,
    secretStore,
    signer: null,
    notifications,
    newId,
    now: clock.now,
    semanticSearch: noSemanticSearch,
    mutex: createKeyedMutex(),
    logger,
    audit,
    settings: {
      models: catalogue.names,
      defaultModel: catalogue.defaultName,
      attachmentKinds: () => [],
      attachments: attachmentLimits,
      queueLength,
      countedItems: 10_000,
      agentVersions: 1000,
      configuredAgents: [],
      onExpiry: 'deny',
      separateApprover: false,
      activityRetentionDays: 7,
      auditRetentionDays: 90,
      tracing: false,
      approvalExpirySeconds: settings.approvalExpirySeconds,
    },
  };
  /** A store that fails ends a sweep, and the next one continues. */
  const reportDefect = (error: unknown) => {
    if (!isStoreFault(error)) onError(error, 'the sweep failed');
  };
  const expireWaits = createWaitExpiry(context);
  async function sweep(): Promise<void> {
    await expireWaits();
    await chargeAbandonedCalls(database);
  }
  let holder = '';
  const orchestrator = createOrchestrator(
    {
      database,
      journal,
      runStore,
      notifications,
      catalogue,
      toolbox,
      clientTools,
      policy,
      acceptedDefinitions,
      secretStore,
      blobs: context.blobs,
      schemaChecker: immediateSchemas,
      tokenMeter: createTokenMeter(),
      toolTexts: createToolTexts(),
      semanticSearch: noSemanticSearch,
      spending: createSpending({ database, clock }),
      clock,
      newId(kind, after) {
        const id = newId(kind, after);
        if (kind === 'server') holder = id;
        return id;
      },
      logger,
      audit,
      settings,
    },
    () => sweep().catch(reportDefect),
  );
  orchestrator.start();
  return { host, holder, context, orchestrator, isStopping: false };
}

const prefixes = new Map<IdKind, string>();

function prefixOf(kind: IdKind): string {
  const prefix = prefixes.get(kind) ?? createIds(() => 0)(kind).split('_')[0] ?? '';
  prefixes.set(kind, prefix);
  return prefix;
}

/** Ids like those of `createIds`, whose random part comes from the seed. */
function createSeededIds(now: () => number, random: Random): NewId {
  const next = monotonicFactory(random.next);
  return (kind, after) => {
    const time = after === undefined ? now() : Math.max(now(), timeOfId(after) + 1);
    return `${prefixOf(kind)}_${next(time)}`;
  };
}

function createSimulatedLogger(onError: ServerOptions['onError']): Logger {
  const ignore = () => undefined;
  const error = ({ err }: { err: unknown }, message: string) => onError(err, message);
  return { debug: ignore, info: ignore, warn: ignore, error } as unknown as Logger;
}
