import { isDeepStrictEqual } from 'node:util';
import { checkSeparateApprover } from '../config/access-config.ts';
import type { Configuration, FileConfiguration } from '../config/configuration.ts';
import { configurationChange } from '../config/configuration-change.ts';
import { StartError } from '../config/start-error.ts';
import { createKeyedMutex } from '../database/mutex.ts';
import { StoreError } from '../database/store-error.ts';
import type { ClosableCatalogue, CurrentCatalogue } from '../models/current-catalogue.ts';
import type { Policy } from '../policy/policy.ts';
import type { CurrentPolicy } from '../policy/policy-file.ts';
import type { CurrentAuthentication } from './access/authentication/current-authentication.ts';
import type { Authentication } from './access/authentication/identity.ts';
import { type ConfiguredParts, openFiles } from './configured-parts.ts';
import type { ConfiguredMcpServers } from './mcp-servers.ts';
import type { FileInEffect } from './settings.ts';

/** Paths have at most two keys. Problems are lines for the operator; nothing has changed then. */
export type ReloadOutcome =
  | { ok: true; reloaded: string[]; needRestart: string[]; revoked: number }
  | { ok: false; problems: string[] };

export interface Reload {
  /** Replaces the configuration in effect, as a whole or not at all. Runs one at a time, in the order of the calls. */
  run(file: FileConfiguration): Promise<ReloadOutcome>;
  /** Refuses reloads from now on. Resolves when none is in progress. */
  stop(): Promise<void>;
}

interface Dependencies {
  /** The configuration of the start. */
  configuration: Configuration;
  inEffect: FileInEffect;
  configured: ConfiguredParts;
  catalogue: CurrentCatalogue;
  policy: CurrentPolicy;
  authentication: CurrentAuthentication;
  mcpServers: ConfiguredMcpServers;
  storeAgents: StoreAgents;
}

/** Stores the agents of the configuration. Rejects with a StartError or a StoreError. */
export type StoreAgents = (file: FileConfiguration) => Promise<void>;

/** The new parts, which are not in use yet. Null where nothing has changed. */
interface Prepared {
  catalogue: ClosableCatalogue | null;
  policy: Policy;
  authentication: Authentication | null;
}

export function createReload(dependencies: Dependencies): Reload {
  const mutex = createKeyedMutex();
  let isStopped = false;

  async function reload(file: FileConfiguration): Promise<ReloadOutcome> {
    if (isStopped) return { ok: false, problems: ['the server is stopping'] };
    const { effective, reloaded, needRestart } = configurationChange(dependencies.inEffect.file, file);
    try {
      const prepared = await prepare(dependencies, effective);
      return { ok: true, reloaded, needRestart, revoked: apply(dependencies, effective, prepared) };
    } catch (error) {
      if (!(error instanceof StartError || error instanceof StoreError)) throw error;
      return { ok: false, problems: error.message.split('\n') };
    }
  }

  return {
    run: (file) => mutex.run('reload', () => reload(file)),
    async stop() {
      isStopped = true;
      await mutex.idle();
    },
  };
}

/** Does everything that can fail. Stores the agents last, so that nothing is changed if it rejects: with a StartError or a StoreError. */
async function prepare(dependencies: Dependencies, file: FileConfiguration): Promise<Prepared> {
  const { configuration, inEffect, configured, mcpServers } = dependencies;
  // The file was checked as a whole, but `auth.mode` keeps its value.
  const [problem] = checkSeparateApprover(file.auth, file.approvals.separateApprover);
  if (problem) throw new StartError(`${problem.path.join('.')}: ${problem.message}`);
  if (file.policyFile !== inEffect.file.policyFile) await openFiles({ ...configuration, file });
  const policy = await configured.nextPolicy(file, dependencies.policy.newest);
  const hasSameAuth = isDeepStrictEqual(file.auth, inEffect.file.auth);
  const authentication = hasSameAuth ? null : await configured.authentication(file);
  await mcpServers.prepare(file.mcpServers);
  const catalogue = hasSameModels(file, inEffect.file) ? null : await configured.catalogue(file);
  try {
    await dependencies.storeAgents(file);
  } catch (error) {
    await catalogue?.[Symbol.asyncDispose]?.();
    throw error;
  }
  return { catalogue, policy, authentication };
}

function hasSameModels(one: FileConfiguration, other: FileConfiguration): boolean {
  return one.defaultModel === other.defaultModel && isDeepStrictEqual(one.models, other.models);
}

/** In one turn of the event loop, so that nothing sees a part of the change. Returns how many connections and requests were ended. */
function apply(
  { inEffect, catalogue, policy, authentication, mcpServers }: Dependencies,
  file: FileConfiguration,
  prepared: Prepared,
): number {
  inEffect.file = file;
  policy.replace(prepared.policy);
  if (prepared.catalogue) catalogue.replace(prepared.catalogue);
  mcpServers.replace(file.mcpServers);
  return prepared.authentication ? authentication.replace(prepared.authentication) : 0;
}
