import { createDefinitionSweep } from '../application/approval/replace-approval.ts';
import type { CommandContext } from '../application/command-context.ts';
import { createExpirySweep } from '../application/expiry-sweep.ts';
import { createAcceptedDefinitions } from '../application/tool-calls/accepted-definitions.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import { StartError } from '../config/start-error.ts';
import { createCompactor } from '../context/compaction/compactor.ts';
import { createTokenMeter } from '../context/token-estimate.ts';
import { createToolTexts } from '../context/tool-texts.ts';
import type { Database } from '../database/database.ts';
import { type DatabaseClock, followDatabaseTime } from '../database/database-clock.ts';
import { createKeyedMutex } from '../database/mutex.ts';
import { watchWrites } from '../database/write-health.ts';
import { createIds } from '../ids.ts';
import { createDatabaseJournal } from '../journal/database-journal.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../models/catalogue.ts';
import { createCatalogue } from '../models/create-catalogue.ts';
import { expireAllLeases } from '../orchestrator/leases.ts';
import { createOrchestrator, type Orchestrator } from '../orchestrator/orchestrator.ts';
import { createSpending } from '../orchestrator/spending.ts';
import type { Policy } from '../policy/policy.ts';
import { openPolicy, type PolicySource, type ReloadedPolicy } from '../policy/policy-file.ts';
import { endAnnouncements } from '../repositories/attachments.ts';
import { chargeAbandonedCalls } from '../repositories/budget-ledger.ts';
import { createRunStore } from '../run-store/run-store.ts';
import { hintsOf } from '../streams/notifications/hints.ts';
import { createClientTools } from '../tools/client-tools.ts';
import { openFolder } from '../tools/files/folder.ts';
import { createSchemaChecker } from '../tools/json-schema/schema-checker.ts';
import { createSecretStore } from '../tools/secret-store.ts';
import type { Tool } from '../tools/tool.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { createAuthenticate } from './access/authentication/create-authenticate.ts';
import type { Authenticate } from './access/authentication/identity.ts';
import { openAttachmentStorage } from './attachment-storage.ts';
import { builtinTools } from './builtin-tools.ts';
import { loadMcpServers } from './mcp-servers.ts';
import { ownFiles } from './own-files.ts';
import { createResources, type Resources } from './resources.ts';
import { openSemanticSearch } from './semantic-search.ts';
import { serve } from './serve.ts';
import { connectNotifications, openActivityFeed, openStore } from './store.ts';
import { builtConsole } from './transport/console-files.ts';
import { version } from './version.ts';

/** What a test replaces. */
export interface Overrides {
  clock?: Clock;
  catalogue?: Catalogue;
  policy?: Policy;
  tools?: readonly Tool[];
  authenticate?: Authenticate;
  environment?: Readonly<Record<string, string | undefined>>;
  httpAccelerator?: boolean;
  /** Folder of the built console, or null. */
  consoleFolder?: string | null;
}

export interface Gateway extends AsyncDisposable {
  /** Address of GraphQL over HTTP. */
  url: string;
  /** For tests and the commands of the command line. */
  parts: Parts;
  /** Reads the policy file again, for calls from now on. A file with errors changes nothing. */
  reloadPolicy(): ReloadedPolicy;
  /**
   * Lets steps in progress finish within the grace time, releases their runs, and closes everything.
   * @param drainSeconds time in which requests are still answered while `/readyz` says that the server stops; 0 by default
   */
  close(graceSeconds?: number, drainSeconds?: number): Promise<void>;
}

type Parts = Awaited<ReturnType<typeof openParts>>;

/**
 * Opens the store, serves, and takes up unfinished runs. Rejects with a StartError that says what to do; everything that was
 * opened by then is closed.
 */
export async function startGateway(
  configuration: Configuration,
  logger: Logger,
  overrides: Overrides = {},
): Promise<Gateway> {
  const resources = createResources();
  try {
    const parts = await openParts(configuration, logger, overrides, resources);
    const { orchestrator, mcpServers } = parts;
    const { httpAccelerator = true, consoleFolder = configuration.file.console ? builtConsole : null } = overrides;
    const server = await serve(configuration, { ...parts, httpAccelerator, consoleFolder });
    resources.add(server.close);
    mcpServers.start();
    orchestrator.start();
    const close = async (graceSeconds: number, drainSeconds: number) => {
      await Promise.all([server.drain(drainSeconds), orchestrator.stop(graceSeconds * 1000)]);
      await resources.close();
    };
    let closing: Promise<void> | null = null;
    const closeOnce = (graceSeconds: number, drainSeconds = 0) => {
      closing ??= close(graceSeconds, drainSeconds);
      return closing;
    };
    return {
      url: server.url,
      parts,
      reloadPolicy: () => parts.policySource.reload(),
      close: (graceSeconds = limits.SHUTDOWN_GRACE_SECONDS, drainSeconds = 0) => closeOnce(graceSeconds, drainSeconds),
      [Symbol.asyncDispose]: () => closeOnce(0),
    };
  } catch (error) {
    // The error that stopped the start matters more than one that follows from it.
    await resources.close().catch((closeError: unknown) => logger.warn({ err: closeError }, 'closing failed'));
    throw error;
  }
}

/** Creates everything between the configuration and the transports, from the bottom up. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the composition root reads from top to bottom.
async function openParts(configuration: Configuration, logger: Logger, overrides: Overrides, resources: Resources) {
  const { environment = process.env } = overrides;
  const machineClock = overrides.clock ?? systemClock;
  const { file } = configuration;
  const catalogue = overrides.catalogue ?? (await openCatalogue(configuration, machineClock, environment));
  if (isDisposable(catalogue)) resources.add(() => catalogue[Symbol.asyncDispose]());
  const policySource = openPolicySource(configuration, overrides);
  const { policy } = policySource;
  const files = file.files ? await openFolder(file.files.root, ownFiles(configuration)) : null;
  const authenticate = overrides.authenticate ?? (await createAuthenticate(file, machineClock.now, logger));

  const { database, problem: storeProblem } = watchWrites(await openStore(configuration), machineClock);
  resources.add(() => database.close());
  const { clock, close: closeClock } = await openClock(database, overrides);
  resources.add(closeClock);
  const newId = createIds(clock.now);
  const journal = createDatabaseJournal(database, clock, ({ runId, sessionId, events }) => {
    notifications.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, hints: hintsOf(events) });
  });
  const { hub: notifications, close } = connectNotifications(configuration, {
    database,
    journal,
    clock,
    newId,
    logger,
  });
  resources.add(close);
  resources.add(() => journal.idle());
  const activity = openActivityFeed({ database, notifications, clock, logger });
  resources.add(() => activity.close());
  const runStore = createRunStore({
    journal,
    claimNow: (run, kind) => orchestrator.claimNow(run, kind),
    now: clock.now,
    cachedRuns: limits.CACHED_RUNS,
    isShared: database.isShared,
  });

  const semanticSearch = await openSemanticSearch(configuration, { database, clock, logger, environment });
  resources.add(() => semanticSearch.close());
  const mcpServers = await loadMcpServers(file.mcpServers, { clock, random: Math.random, log: logger, version });
  resources.add(() => mcpServers.close());
  const mutex = createKeyedMutex();
  // Apart from that of the MCP servers: a slow schema of a client or model does not hold them up.
  const schemaChecker = createSchemaChecker(clock);
  resources.add(() => schemaChecker.close());
  const askPerson = file.askPerson ? schemaChecker : null;
  const builtin = overrides.tools ?? builtinTools({ database, newId, clock, files, askPerson, mutex, semanticSearch });
  const toolbox = createToolbox(builtin, mcpServers.sources);
  const clientTools = createClientTools(schemaChecker);
  const acceptedDefinitions = createAcceptedDefinitions({
    database,
    now: clock.now,
    logger,
    quarantine: file.approvals.quarantineChangedTools,
  });
  const secretStore = createSecretStore(configuration.secretKey);
  const { isShared } = database;
  const { uploads, blobs } = await openAttachmentStorage(configuration, { now: clock.now(), isShared, environment });
  const tokenMeter = createTokenMeter();

  const commands: CommandContext = {
    database,
    runStore,
    journal,
    uploads,
    blobs,
    compactor: createCompactor({ database, journal, newId, now: clock.now, catalogue, meter: tokenMeter }),
    toolbox,
    clientTools,
    policy,
    acceptedDefinitions,
    secretStore,
    schemaChecker,
    notifications,
    newId,
    now: clock.now,
    semanticSearch,
    mutex,
    logger,
    settings: {
      models: catalogue.names,
      defaultModel: catalogue.defaultName,
      attachmentKinds: (model) => catalogue.find(model)?.attachments ?? [],
      attachments: file.attachments,
      queueLength: file.limits.queueLength,
      countedItems: file.limits.countedItems,
      agentVersions: file.limits.agentVersions,
      onExpiry: file.approvals.onExpiry,
      separateApprover: file.approvals.separateApprover,
      approvalExpirySeconds: file.approvals.expiresAfterSeconds,
      activityRetentionDays: file.activity.retentionDays,
    },
  };
  const sweepExpired = createExpirySweep(commands);
  const sweepDefinitions = createDefinitionSweep(commands);
  const orchestrator: Orchestrator = createOrchestrator(
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
      schemaChecker,
      blobs,
      tokenMeter,
      toolTexts: createToolTexts(),
      semanticSearch,
      spending: createSpending({ database, clock }),
      clock,
      newId,
      logger,
      settings: {
        limits: file.limits,
        answerBytes: file.limits.answerBytes,
        maxConcurrentRuns: configuration.maxConcurrentRuns,
        leaseSeconds: configuration.leaseSeconds,
        approvalExpirySeconds: file.approvals.expiresAfterSeconds,
        separateApprover: file.approvals.separateApprover,
        maxResumptions: limits.MAX_RESUMPTIONS,
        budgets: file.budgets,
      },
    },
    async () => {
      await sweepExpired();
      await chargeAbandonedCalls(database);
      await sweepDefinitions();
    },
  );
  // No other server uses the file, so every lease and every upload in it belongs to a process that is gone.
  if (!isShared) {
    await expireAllLeases(database, new Date(clock.now()));
    await endAnnouncements(database, new Date(clock.now()));
  }
  return {
    clock,
    newId,
    logger,
    database,
    storeProblem,
    journal,
    notifications,
    activity,
    runStore,
    catalogue,
    toolbox,
    mcpServers,
    policySource,
    authenticate,
    commands,
    orchestrator,
  };
}

/** All servers of a shared database use its time. A clock that a test gives is used as it is. */
async function openClock(database: Database, { clock }: Overrides): Promise<DatabaseClock> {
  if (database.isShared && !clock) return followDatabaseTime(database, systemClock);
  return { clock: clock ?? systemClock, close: async () => undefined };
}

function isDisposable(value: object): value is AsyncDisposable {
  return Symbol.asyncDispose in value;
}

async function openCatalogue(
  { file }: Configuration,
  clock: Clock,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Catalogue> {
  const outcome = await createCatalogue(file, { clock, random: Math.random, env: environment });
  if (outcome.ok) return outcome.catalogue;
  throw new StartError(outcome.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
}

function openPolicySource({ file }: Configuration, { policy }: Overrides): PolicySource {
  if (policy) return { policy, reload: () => ({ ok: true }) };
  const outcome = openPolicy(file.policyFile ?? null);
  if (outcome.ok) return outcome.source;
  throw new StartError(outcome.problems.join('\n'));
}
