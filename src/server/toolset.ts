import type { Quotas } from '../application/quotas.ts';
import { createAcceptedDefinitions } from '../application/tool-calls/accepted-definitions.ts';
import type { Configuration } from '../config/configuration.ts';
import type { SemanticSearch } from '../context/memory/semantic-search.ts';
import type { KeyedMutex } from '../database/mutex.ts';
import type { Logger } from '../logger.ts';
import { createClientTools } from '../tools/client-tools.ts';
import type { Folder } from '../tools/files/folder.ts';
import { createSchemaChecker } from '../tools/json-schema/schema-checker.ts';
import { createSecretStore } from '../tools/secret-store.ts';
import type { Tool } from '../tools/tool.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { builtinTools } from './builtin-tools.ts';
import { openMcpServers } from './mcp-servers.ts';
import type { Resources } from './resources.ts';
import type { FileInEffect } from './settings.ts';
import type { Storage } from './storage.ts';
import { version } from './version.ts';

interface Dependencies extends Pick<Storage, 'database' | 'newId' | 'clock'> {
  logger: Logger;
  files: Folder | null;
  mutex: KeyedMutex;
  semanticSearch: SemanticSearch;
  quotas: Quotas;
  inEffect: FileInEffect;
  /** Replaces the built-in tools in a test. */
  testTools: readonly Tool[] | undefined;
}

/** Creates the tools and what their calls need. The MCP servers are not started. */
export async function openToolset(
  { file, secretKey }: Configuration,
  { testTools, logger, inEffect, ...dependencies }: Dependencies,
  resources: Resources,
) {
  const { database, clock } = dependencies;
  const mcpServers = await openMcpServers(file.mcpServers, { clock, random: Math.random, log: logger, version });
  resources.add(() => mcpServers.close());
  // Apart from that of the MCP servers: a slow schema of a client or model does not hold them up.
  const schemaChecker = createSchemaChecker(clock);
  resources.add(() => schemaChecker.close());
  const askPerson = file.askPerson ? schemaChecker : null;
  const builtin = testTools ?? builtinTools({ ...dependencies, askPerson });
  return {
    mcpServers,
    schemaChecker,
    toolbox: createToolbox(builtin, mcpServers.sources),
    clientTools: createClientTools(schemaChecker),
    acceptedDefinitions: createAcceptedDefinitions({
      database,
      now: clock.now,
      logger,
      hasQuarantine: () => inEffect.file.approvals.quarantineChangedTools,
    }),
    secretStore: createSecretStore(secretKey),
  };
}
