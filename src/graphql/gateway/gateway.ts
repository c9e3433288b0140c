import type { Viewer as ViewerOfOperation } from '../../application/command-context.ts';
import * as limits from '../../config/limits.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { CatalogueModel } from './catalogue-model.ts';
import { McpServer } from './mcp-server.ts';

const Viewer = builder.objectRef<ViewerOfOperation>('Viewer').implement({
  description: 'Who is asking.',
  fields: (t) => ({
    principal: t.exposeString('principal', { description: 'The principal that owns what the viewer creates.' }),
    scopes: t.exposeStringList('scopes', {
      description: 'What the viewer may do: `read`, `write`, `approve`, `admin`.',
    }),
  }),
});

const GatewayLimit = builder.simpleObject('GatewayLimit', {
  description: 'A bound that the gateway keeps.',
  fields: (t) => ({
    name: t.string({ description: 'Its name; where it counts bytes, seconds or tokens, the name says so.' }),
    value: t.float({ description: 'The most that is allowed.' }),
  }),
});

/** What callers can run into; those of runs are configured and come with the context. */
function limitsInForce({ commands, gateway }: GraphqlContext) {
  const inForce: Record<string, number> = {
    pageSize: limits.MAX_PAGE_SIZE,
    queueLength: commands.settings.queueLength,
    messageBytes: limits.MESSAGE_BYTES,
    sessionKeyBytes: limits.SESSION_KEY_BYTES,
    titleBytes: limits.TITLE_BYTES,
    idempotencyKeyBytes: limits.IDEMPOTENCY_KEY_BYTES,
    idempotencySeconds: limits.IDEMPOTENCY_SECONDS,
    reasonCharacters: limits.REASON_CHARACTERS,
    grantSeconds: limits.GRANT_SECONDS,
    instructionsBytes: limits.INSTRUCTIONS_BYTES,
    memoryBytes: limits.MEMORY_BYTES,
    memoriesPerOwner: limits.MEMORIES_PER_OWNER,
    eventBytes: limits.EVENT_BYTES,
    bodyBytes: limits.BODY_BYTES,
    documentTokens: limits.DOCUMENT_TOKENS,
    documentDepth: limits.DOCUMENT_DEPTH,
    documentAliases: limits.DOCUMENT_ALIASES,
    documentDirectives: limits.DOCUMENT_DIRECTIVES,
    documentBreadth: limits.DOCUMENT_BREADTH,
    operationCost: limits.OPERATION_COST,
    operationSeconds: limits.OPERATION_SECONDS,
    operationsPerSocket: limits.OPERATIONS_PER_SOCKET,
    ...gateway.limits,
  };
  return Object.entries(inForce).map(([name, value]) => ({ name, value }));
}

const Gateway = builder.objectRef<GraphqlContext>('Gateway').implement({
  description: 'The server that answers.',
  fields: (t) => ({
    version: t.string({ description: 'Its release.', resolve: ({ gateway }) => gateway.version }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'When it was started.',
      resolve: ({ gateway }) => gateway.startedAt,
    }),
    uptimeSeconds: t.int({
      description: 'For how long it has been running, in whole seconds.',
      resolve: ({ gateway, commands }) =>
        Math.max(0, Math.floor((commands.now() - gateway.startedAt.getTime()) / 1000)),
    }),
    journal: t.string({
      description: 'Where tapes are kept: `sqlite` or `postgres`.',
      resolve: ({ gateway }) => gateway.journal,
    }),
    models: t.stringList({
      description: 'Names of the models in the catalogue, the default one first.',
      resolve: ({ gateway }) => [...gateway.models],
    }),
    modelCatalogue: t.field({
      type: [CatalogueModel],
      description: 'The models in the catalogue, the default one first, and whether they are asked now.',
      resolve: ({ gateway }) => gateway.modelCatalogue(),
    }),
    tools: t.stringList({
      description: 'Names of the tools that there are now.',
      resolve: ({ commands }) => commands.toolbox.list().map(({ name }) => name),
    }),
    mcpServers: t.field({
      type: [McpServer],
      description: 'The MCP servers that are configured, in the order of the configuration, and how they are now.',
      resolve: ({ gateway }) => gateway.mcpServers?.() ?? [],
    }),
    limits: t.field({ type: [GatewayLimit], description: 'Limits in force.', resolve: limitsInForce }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({
    type: Viewer,
    description: 'Who is asking, and what they may do.',
    resolve: (_root, _args, { viewer }) => viewer,
  }),
  gateway: t.field({
    type: Gateway,
    description: 'Version, uptime, kind of journal, names of models and tools, limits in force.',
    resolve: (_root, _args, context) => context,
  }),
}));
