import type { CommandContext } from '../application/command-context.ts';
import { createExpirySweep } from '../application/expiry-sweep.ts';
import { createKeyedMutex } from '../application/keyed-mutex.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import { StartError } from '../config/start-error.ts';
import { createCompactor } from '../context/compaction/manual.ts';
import type { SemanticSearch } from '../context/memory/semantic-search.ts';
import { createTokenMeter } from '../context/token-meter.ts';
import type { Database } from '../database/database.ts';
import { createIds } from '../ids.ts';
import { createDatabaseJournal } from '../journal/database-journal.ts';
import type { Logger } from '../logger.ts';
import { createCatalogue } from '../models/catalogue.ts';
import type { Catalogue } from '../models/model.ts';
import { expireAllLeases } from '../orchestrator/leases.ts';
import { createOrchestrator } from '../orchestrator/orchestrator.ts';
import type { Policy } from '../policy/policy.ts';
import { openPolicy, type PolicySource, type ReloadedPolicy } from '../policy/policy-file.ts';
import { createSlotProvider } from '../run-store/execution-slot.ts';
import { createRunStore } from '../run-store/run-store.ts';
import { hintsOf } from '../streams/notifications/hints.ts';
import { type Folder, openFolder } from '../tools/files/folder.ts';
import type { McpServers } from '../tools/mcp/mcp-servers.ts';
import { createSecretStore } from '../tools/secret-store.ts';
import type { Tool } from '../tools/tool.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { createAuthenticate } from './access/authentication/create-authenticate.ts';
import type { Authenticate } from './access/authentication/identity.ts';
import { builtinTools } from './builtin-tools.ts';
import { loadMcpServers } from './mcp-servers.ts';
import { openSemanticSearch } from './semantic-search.ts';
import { serve } from './serve.ts';
import { connectNotifications, openStore } from './store.ts';
import { version } from './version.ts';

/** What a test puts in the place of the real thing. */
export interface Overrides {
  clock?: Clock;
  catalogue?: Catalogue;
  policy?: Policy;
  tools?: readonly Tool[];
  authenticate?: Authenticate;
  environment?: Readonly<Record<string, string | undefined>>;
}

export interface Gateway extends AsyncDisposable {
  /** Where GraphQL is, over HTTP. */
  url: string;
  /** What the gateway is made of, for tests and for the commands of the command line. */
  parts: ReturnType<typeof createParts> & { orchestrator: ReturnType<typeof createOrchestrator> };
  /** Reads the file of policies again, for the calls from now on; a broken one changes nothing. */
  reloadPolicy(): ReloadedPolicy;
  /** Lets steps under way finish within the grace time, hands their runs back, and closes everything. */
  close(graceSeconds?: number): Promise<void>;
}

/** Opens the store, takes up what is unfinished, and serves. Throws a StartError that says what to do. */
export async function startGateway(
  configuration: Configuration,
  logger: Logger,
  overrides: Overrides = {},
): Promise<Gateway> {
  const catalogue = overrides.catalogue ?? (await makeCatalogue(configuration, overrides));
  const { files: filesConfig } = configuration.file;
  const files = filesConfig ? await openFolder(filesConfig.root) : null;
  const mcpServers = await loadMcpServers(configuration.file.mcpServers, {
    clock: overrides.clock ?? systemClock,
    random: Math.random,
    log: logger,
    version,
  });
  const policies = choosePolicy(configuration, overrides);
  const { policy } = policies;
  const now = (overrides.clock ?? systemClock).now;
  const authenticate = overrides.authenticate ?? (await createAuthenticate(configuration.file, now, logger));
  const database = await openStore(configuration);
  const { environment = process.env, clock = systemClock } = overrides;
  const semanticSearch = await openSemanticSearch(configuration, { database, clock, logger, environment });
  const foundation = { database, catalogue, policy, files, mcpServers, semanticSearch, logger };
  const parts = createParts(configuration, foundation, overrides);
  const orchestrator = createOrchestrator(
    environmentOf(configuration, parts, logger),
    createExpirySweep(parts.commands),
  );
  // The file is this server's alone: whoever held a lease before is gone.
  if (!database.isShared) await expireAllLeases(database, new Date(parts.clock.now()));
  const closeParts = async () => {
    await parts.mcpServers.close();
    await semanticSearch.close();
    await parts.journal.idle();
    await parts.closeNotifications();
    await database.close();
    if (Symbol.asyncDispose in catalogue) await (catalogue as AsyncDisposable)[Symbol.asyncDispose]();
  };
  const served = await serve(configuration, {
    ...parts,
    logger,
    authenticate,
  }).catch(async (error: unknown) => {
    await closeParts();
    throw error;
  });
  parts.mcpServers.start();
  orchestrator.start();
  let closing: Promise<void> | null = null;
  const close = (graceSeconds: number) => {
    closing ??= (async () => {
      served.refuse();
      await orchestrator.stop(graceSeconds * 1000);
      await served.close();
      await closeParts();
    })();
    return closing;
  };
  return {
    url: served.url,
    parts: { ...parts, orchestrator },
    reloadPolicy: () => policies.reload(),
    close: (graceSeconds = limits.SHUTDOWN_GRACE_SECONDS) => close(graceSeconds),
    [Symbol.asyncDispose]: () => close(0),
  };
}

async function makeCatalogue(
  configuration: Configuration,
  { environment = process.env, clock = systemClock }: Overrides,
) {
  const outcome = await createCatalogue(configuration.file, { clock, random: Math.random, env: environment });
  if (outcome.ok) return outcome.catalogue;
  throw new StartError(outcome.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
}

function choosePolicy({ file }: Configuration, { policy }: Overrides): PolicySource {
  if (policy) return { policy, reload: () => ({ ok: true }) };
  const opened = openPolicy(file.policyFile ?? null);
  if (opened.ok) return opened.source;
  throw new StartError(opened.problems.join('\n'));
}

interface Foundation {
  database: Database;
  catalogue: Catalogue;
  policy: Policy;
  files: Folder | null;
  mcpServers: McpServers;
  semanticSearch: SemanticSearch;
  logger: Logger;
}

function createParts(configuration: Configuration, foundation: Foundation, overrides: Overrides) {
  const { database, catalogue, policy, files, mcpServers, semanticSearch, logger } = foundation;
  const clock = overrides.clock ?? systemClock;
  const newId = createIds(clock.now);
  const journal = createDatabaseJournal(database, ({ runId, sessionId, events }) => {
    notifications.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, hints: hintsOf(events) });
  });
  const { hub: notifications, close: closeNotifications } = connectNotifications(configuration, {
    database,
    journal,
    clock,
    newId,
    logger,
  });
  const { isShared } = database;
  const runStore = createRunStore({ journal, now: clock.now, cachedRuns: limits.CACHED_RUNS, isShared });
  const mutex = createKeyedMutex();
  const builtin = overrides.tools ?? builtinTools({ database, newId, clock, files, mutex, semanticSearch });
  const toolbox = createToolbox(builtin, mcpServers.sources);
  const secretStore = createSecretStore(configuration.secretKey);
  const slotProvider = createSlotProvider();
  const meter = createTokenMeter();
  const compactor = createCompactor({ database, journal, newId, now: clock.now, catalogue, meter });
  const commands: CommandContext = {
    journal,
    compactor,
    database,
    runStore,
    toolbox,
    policy,
    secretStore,
    slotProvider,
    newId,
    now: clock.now,
    semanticSearch,
    mutex,
    settings: {
      models: catalogue.names,
      queueLength: configuration.file.limits.queueLength,
      onExpiry: configuration.file.approvals.onExpiry,
      separateApprover: configuration.file.approvals.separateApprover,
    },
  };
  const running = { notifications, closeNotifications, database, journal, runStore, toolbox, mcpServers };
  return { clock, newId, ...running, commands, catalogue, policy, secretStore, meter };
}

function environmentOf(configuration: Configuration, parts: ReturnType<typeof createParts>, logger: Logger) {
  const { database, journal, runStore, notifications, catalogue, toolbox, policy, secretStore, meter, clock, newId } =
    parts;
  return {
    store: { database, journal, runStore, notifications },
    slotProvider: parts.commands.slotProvider,
    context: { meter, semanticSearch: parts.commands.semanticSearch },
    services: { catalogue, toolbox, policy, secretStore },
    clock,
    newId,
    logger,
    settings: {
      limits: configuration.file.limits,
      maxConcurrentRuns: configuration.maxConcurrentRuns,
      leaseSeconds: configuration.leaseSeconds,
      approvalExpirySeconds: configuration.file.approvals.expiresAfterSeconds,
      separateApprover: configuration.file.approvals.separateApprover,
      maxResumptions: limits.MAX_RESUMPTIONS,
    },
  };
}
