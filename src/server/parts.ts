import { createDefinitionSweep } from '../application/approval/replace-approval.ts';
import { recordPolicyChange } from '../application/audit/policy-changes.ts';
import type { CommandContext } from '../application/command-context.ts';
import { storeConfiguredAgents } from '../application/configured-agents.ts';
import { createExpirySweep } from '../application/expiry-sweep.ts';
import { createQuotas } from '../application/quotas.ts';
import { createRetentionSweep } from '../application/retention-sweep.ts';
import { systemClock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import { StartError } from '../config/start-error.ts';
import { isRetentionOn, quotaOf, retentionOf } from '../config/storage-config.ts';
import { createCallCharges } from '../context/call-charges.ts';
import { createCompactor } from '../context/compaction/compactor.ts';
import { createTokenMeter } from '../context/token-estimate.ts';
import { createToolTexts } from '../context/tool-texts.ts';
import type { Database } from '../database/database.ts';
import { createKeyedMutex } from '../database/mutex.ts';
import { createSigner } from '../journal/signer.ts';
import type { Logger } from '../logger.ts';
import { createCurrentCatalogue } from '../models/current-catalogue.ts';
import { expireAllLeases } from '../orchestrator/leases.ts';
import { createOrchestrator, type Orchestrator } from '../orchestrator/orchestrator.ts';
import { createSpending } from '../orchestrator/spending.ts';
import type { Policy } from '../policy/policy.ts';
import { createCurrentPolicy } from '../policy/policy-file.ts';
import { endAnnouncements } from '../repositories/attachments.ts';
import { chargeAbandonedCalls } from '../repositories/budget-ledger.ts';
import { createRunStore } from '../run-store/run-store.ts';
import type { Tool } from '../tools/tool.ts';
import { createCurrentAuthentication } from './access/authentication/current-authentication.ts';
import { openAttachmentStorage } from './attachment-storage.ts';
import { type ConfiguredOverrides, configuredParts, openFiles } from './configured-parts.ts';
import { openDiskSpace } from './disk-space.ts';
import { createReload, type Reload, type StoreAgents } from './reload.ts';
import type { Resources } from './resources.ts';
import { openSemanticSearch } from './semantic-search.ts';
import { commandSettings, type FileInEffect, orchestratorSettings } from './settings.ts';
import { openStorage } from './storage.ts';
import { openToolset } from './toolset.ts';

/** What a test replaces. */
export interface PartOverrides extends ConfiguredOverrides {
  tools?: readonly Tool[];
  /** Returns the free bytes of the disk that holds a folder. */
  freeBytes?: (folder: string) => Promise<number>;
}

export type Parts = Awaited<ReturnType<typeof openParts>>;

/** Creates everything between the configuration and the transports, from the bottom up. Rejects with a StartError. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the composition root reads from top to bottom.
export async function openParts(
  configuration: Configuration,
  logger: Logger,
  overrides: PartOverrides,
  resources: Resources,
) {
  const { environment = process.env } = overrides;
  const inEffect: FileInEffect = { file: configuration.file };
  const configured = configuredParts(overrides, logger);
  const catalogue = createCurrentCatalogue(await configured.catalogue(inEffect.file));
  resources.add(() => catalogue[Symbol.asyncDispose]());
  const policy = createCurrentPolicy(configured.policy(inEffect.file));
  const files = await openFiles(configuration);
  const authentication = createCurrentAuthentication(
    await configured.authentication(inEffect.file),
    overrides.clock ?? systemClock,
  );

  const observed = { catalogue, executingRuns: () => orchestrator.activeCount() };
  const storage = await openStorage(configuration, logger, overrides.clock, resources, observed);
  const { observer, audit } = storage;
  const { database, journal, notifications, clock, newId } = storage;
  const runStore = createRunStore({
    journal,
    claimNow: (run, kind) => orchestrator.claimNow(run, kind),
    now: clock.now,
    cachedRuns: limits.CACHED_RUNS,
    isShared: database.isShared,
  });
  const charges = createCallCharges({ database, now: clock.now, budgets: () => inEffect.file.budgets });
  const searchParts = { database, charges, clock, logger, environment };
  const semanticSearch = await openSemanticSearch(configuration, searchParts);
  resources.add(() => semanticSearch.close());
  const mutex = createKeyedMutex();
  const limitsOf = (principal: string) => quotaOf(inEffect.file.quotas, principal);
  const quotas = createQuotas({ database, limitsOf, now: clock.now });
  const { mcpServers, ...toolset } = await openToolset(
    configuration,
    { database, newId, clock, logger, files, mutex, semanticSearch, quotas, inEffect, testTools: overrides.tools },
    resources,
  );
  const { isShared } = database;
  const attachments = await openAttachmentStorage(configuration, { now: clock.now(), isShared, environment });
  const { uploads, blobs } = attachments;
  const diskSpace = await openDiskSpace(configuration, {
    attachmentsFolder: attachments.folder,
    clock: overrides.clock ?? systemClock,
    logger,
    freeBytes: overrides.freeBytes,
  });
  resources.add(() => diskSpace.close());
  const tokenMeter = createTokenMeter();

  const commands: CommandContext = {
    ...toolset,
    database,
    runStore,
    journal,
    diskSpace,
    quotas,
    uploads,
    blobs,
    signer: configuration.signingKey && createSigner(configuration.signingKey),
    compactor: createCompactor({ database, journal, newId, now: clock.now, catalogue, meter: tokenMeter, charges }),
    policy,
    notifications,
    newId,
    now: clock.now,
    semanticSearch,
    mutex,
    logger,
    observer,
    audit,
    settings: commandSettings(inEffect, catalogue, storage.tracing !== null),
  };
  const orchestrator: Orchestrator = createOrchestrator(
    {
      ...toolset,
      database,
      journal,
      runStore,
      notifications,
      catalogue,
      policy,
      blobs,
      tokenMeter,
      toolTexts: createToolTexts(),
      semanticSearch,
      spending: createSpending({ database, clock }),
      clock,
      newId,
      logger,
      audit,
      settings: orchestratorSettings(configuration, inEffect, storage.tracing !== null),
    },
    createSweep(commands, inEffect),
  );
  if (!isShared) await endWorkOfLostServers(database, new Date(clock.now()));
  const storeAgents = agentStorage(commands);
  await storeAgents(inEffect.file);
  await recordPolicyChange(commands, policy.sha256 ?? null);
  const reload = createReload({
    configuration,
    inEffect,
    configured,
    catalogue,
    policy,
    authentication,
    mcpServers,
    storeAgents,
  });
  return {
    ...storage,
    logger,
    runStore,
    catalogue,
    toolbox: toolset.toolbox,
    mcpServers,
    authentication,
    inEffect,
    commands,
    orchestrator,
    reload: { ...reload, run: audited(reload.run, commands, policy) },
  };
}

/** Records a changed policy in the audit log after a reload. */
function audited(run: Reload['run'], commands: CommandContext, policy: Policy): Reload['run'] {
  return async (file) => {
    const previous = policy.sha256;
    const outcome = await run(file);
    const failed = (error: unknown) =>
      commands.logger.error({ err: error }, 'a change of the policy was not stored in the audit log');
    // The newest entry about a policy may be far back in the log.
    if (policy.sha256 !== previous) await recordPolicyChange(commands, policy.sha256 ?? null).catch(failed);
    return outcome;
  };
}

function agentStorage(commands: CommandContext): StoreAgents {
  return async ({ agents, limits: { agentVersions } }) => {
    const problems = await storeConfiguredAgents(commands, agents, agentVersions);
    if (problems.length > 0) throw new StartError(problems.join('\n'));
  };
}

function createSweep(commands: CommandContext, inEffect: FileInEffect): () => Promise<void> {
  const sweepExpired = createExpirySweep(commands);
  const sweepDefinitions = createDefinitionSweep(commands);
  const sweepRetention = createRetentionSweep(commands, {
    isOn: () => isRetentionOn(inEffect.file.retention),
    periodsOf: (agent) => retentionOf(inEffect.file.retention, agent),
  });
  return async () => {
    await sweepExpired();
    await chargeAbandonedCalls(commands.database);
    await sweepDefinitions();
    await sweepRetention();
  };
}

/** No other server uses the file, so every lease and every upload in it belongs to a process that is gone. */
async function endWorkOfLostServers(database: Database, now: Date): Promise<void> {
  await expireAllLeases(database, now);
  await endAnnouncements(database, now);
}
