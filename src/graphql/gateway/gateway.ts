import type { Viewer as ViewerOfOperation } from '../../application/command-context.ts';
import * as limits from '../../config/limits.ts';
import type { QuotaLimits } from '../../config/storage-config.ts';
import { storedAmounts } from '../../repositories/stored-amounts.ts';
import type { McpServerStatus } from '../../tools/mcp/mcp-server.ts';
import { builder } from '../builder.ts';
import type { CatalogueModelFacts, GraphqlContext } from '../context.ts';
import { Quota } from './quota.ts';
import { Tool } from './tool.ts';

const Viewer = builder.objectRef<ViewerOfOperation>('Viewer').implement({
  description: 'The authenticated caller.',
  fields: (t) => ({
    principal: t.exposeString('principal', { description: 'The principal that owns what the viewer creates.' }),
    scopes: t.exposeStringList('scopes', {
      description: 'What the viewer may do: `read`, `write`, `approve`, `approve:any`, `admin`.',
    }),
    quota: t.field({
      type: Quota,
      description: 'What the viewer has stored and may store. Other principals can have other limits.',
      resolve: ({ principal }, _args, { commands }) =>
        storedAmounts(commands.database, principal).then((stored) => ({
          ...stored,
          ...commands.quotas.limitsOf(principal),
        })),
    }),
  }),
});

const CircuitState = builder.enumType('CircuitState', {
  description: 'State of the circuit breaker of a model.',
  values: {
    CLOSED: { description: 'Calls are sent to the model.' },
    OPEN: { description: 'The model failed too often in a row. No calls are sent to it for a while.' },
    HALF_OPEN: { description: 'The next call tests whether the model is available again.' },
  } as const satisfies Record<CatalogueModelFacts['circuit'], { description: string }>,
});

const CatalogueModel = builder.objectRef<CatalogueModelFacts>('CatalogueModel').implement({
  description: 'A configured model, which agents and messages can request by name.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name by which it is requested.' }),
    provider: t.exposeString('provider', { description: 'Its provider, as named in the configuration.' }),
    contextTokens: t.exposeInt('contextTokens', {
      description: 'Size of its context window in tokens, including the answer.',
    }),
    fallbacks: t.exposeStringList('fallbacks', {
      description: 'Names of the models that are called if it is unavailable, in the order in which they are tried.',
    }),
    circuit: t.expose('circuit', {
      type: CircuitState,
      description: 'State of its circuit breaker on this server. Each server has its own.',
    }),
  }),
});

const McpServerState = builder.enumType('McpServerState', {
  description: 'State of an MCP server.',
  values: {
    STARTING: { description: 'It is starting for the first time. Its tools are not available yet.' },
    READY: { description: 'Its tools can be called.' },
    RESTARTING: {
      description:
        'It stopped or failed to start, and is restarted after a delay. Calls of its tools fail with the reason.',
    },
    DISABLED: {
      description:
        'It is disabled in the configuration, or cannot be started because of it. `lastError` then has the reason.',
    },
  } as const satisfies Record<McpServerStatus['state'], { description: string }>,
});

const McpServer = builder.objectRef<McpServerStatus>('McpServer').implement({
  description: 'A configured server of the Model Context Protocol, which provides tools.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in the configuration, and the `source` of its tools.' }),
    state: t.expose('state', { type: McpServerState, description: 'Its current state.' }),
    tools: t.field({
      type: [Tool],
      description: 'Its tools that can be called now; empty unless it is READY.',
      resolve: ({ tools }) => [...tools],
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Its last failure, also after it has recovered; null if it never failed.',
    }),
  }),
});

const GatewayLimit = builder.simpleObject('GatewayLimit', {
  description: 'A limit that the gateway enforces.',
  fields: (t) => ({
    name: t.string({ description: 'Name of the limit. It contains the unit if that is bytes, seconds or tokens.' }),
    value: t.float({ description: 'The largest allowed value.' }),
  }),
});

/** Those of the viewer that are limited, by the names that refusals give them. */
function quotaLimits({ maxStoredBytes, maxSessions, maxMemories }: QuotaLimits): Record<string, number> {
  return {
    ...(maxStoredBytes === null ? {} : { storedBytesPerOwner: maxStoredBytes }),
    ...(maxSessions === null ? {} : { sessionsPerOwner: maxSessions }),
    ...(maxMemories === null ? {} : { memoriesPerOwner: maxMemories }),
  };
}

/** The limits that clients can reach: those of the API, then the configured limits of runs. */
function limitsInForce({ commands, gateway, viewer }: GraphqlContext) {
  const valuesByName: Record<string, number> = {
    pageSize: limits.MAX_PAGE_ITEMS,
    queueLength: commands.settings.queueLength,
    countedItems: commands.settings.countedItems,
    messageBytes: limits.MESSAGE_BYTES,
    attachmentBytes: commands.settings.attachments.maxBytes,
    attachmentsPerMessage: commands.settings.attachments.perMessage,
    attachmentsPerOwner: commands.settings.attachments.perOwner,
    modelAttachmentBytes: limits.MODEL_ATTACHMENT_BYTES,
    outputSchemaBytes: limits.OUTPUT_SCHEMA_BYTES,
    sessionKeyBytes: limits.SESSION_KEY_BYTES,
    titleBytes: limits.TITLE_BYTES,
    metadataKeys: limits.METADATA_KEYS,
    metadataKeyCharacters: limits.METADATA_KEY_CHARACTERS,
    metadataValueCharacters: limits.METADATA_VALUE_CHARACTERS,
    idempotencyKeyBytes: limits.IDEMPOTENCY_KEY_BYTES,
    idempotencySeconds: limits.IDEMPOTENCY_SECONDS,
    reasonCharacters: limits.REASON_CHARACTERS,
    grantSeconds: limits.GRANT_SECONDS,
    instructionsBytes: limits.INSTRUCTIONS_BYTES,
    memoryBytes: limits.MEMORY_BYTES,
    ...quotaLimits(commands.quotas.limitsOf(viewer.principal)),
    eventBytes: limits.EVENT_BYTES,
    bodyBytes: limits.BODY_BYTES,
    documentTokens: limits.DOCUMENT_TOKENS,
    documentDepth: limits.DOCUMENT_LEVELS,
    documentAliases: limits.DOCUMENT_ALIASES,
    documentDirectives: limits.DOCUMENT_DIRECTIVES,
    documentBreadth: limits.SELECTION_FIELDS,
    operationCost: limits.OPERATION_OBJECTS,
    resultBytes: limits.RESULT_BYTES,
    operationSeconds: limits.OPERATION_SECONDS,
    operationsPerSocket: limits.OPERATIONS_PER_SOCKET,
    ...gateway.limits,
  };
  return Object.entries(valuesByName).map(([name, value]) => ({ name, value }));
}

const Gateway = builder.objectRef<GraphqlContext>('Gateway').implement({
  description: 'The server that answers this request.',
  fields: (t) => ({
    version: t.string({ description: 'Version of the program.', resolve: ({ gateway }) => gateway.version }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'When it was started.',
      resolve: ({ gateway }) => gateway.startedAt,
    }),
    uptimeSeconds: t.int({
      description: 'Whole seconds since it was started.',
      resolve: ({ gateway, commands }) =>
        Math.max(0, Math.floor((commands.now() - gateway.startedAt.getTime()) / 1000)),
    }),
    journal: t.string({
      description: 'Kind of database that stores the tapes: `sqlite` or `postgres`.',
      resolve: ({ gateway }) => gateway.journal,
    }),
    models: t.stringList({
      description: 'Names of the configured models, the default model first.',
      resolve: ({ gateway }) => [...gateway.models],
    }),
    modelCatalogue: t.field({
      type: [CatalogueModel],
      description: 'The configured models with their current state, the default model first.',
      resolve: ({ gateway }) => gateway.modelCatalogue(),
    }),
    tools: t.stringList({
      description: 'Names of the tools that can be called now.',
      resolve: ({ commands }) => commands.toolbox.list().map(({ name }) => name),
    }),
    mcpServers: t.field({
      type: [McpServer],
      description: 'The configured MCP servers with their current state, in the order of the configuration.',
      resolve: ({ gateway }) => gateway.mcpServers?.() ?? [],
    }),
    limits: t.field({ type: [GatewayLimit], description: 'The limits in force.', resolve: limitsInForce }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({
    type: Viewer,
    description: 'The authenticated caller and what it may do.',
    resolve: (_root, _args, { viewer }) => viewer,
  }),
  gateway: t.field({
    type: Gateway,
    description: 'Version, uptime, kind of journal, models, tools and limits of the server.',
    resolve: (_root, _args, context) => context,
  }),
}));
