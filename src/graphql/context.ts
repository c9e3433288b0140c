import type { CommandContext, Viewer } from '../application/command-context.ts';
import type { FollowDependencies } from '../tape/follow.ts';
import type { McpServerStatus } from '../tools/mcp/mcp-server.ts';
import type { FinishedList } from './connection/finished-lists.ts';
import { createLoaders, type Loaders } from './loaders.ts';

/** What resolvers work with. The server makes one for each operation. */
export interface GraphqlContext {
  viewer: Viewer;
  commands: CommandContext;
  follow: FollowDependencies;
  gateway: GatewayFacts;
  /** Fresh for one operation, or for one event of a subscription. */
  loaders: Loaders;
  /** Aborts when the client of this operation leaves. */
  signal: AbortSignal;
  /** Where an SSE client was cut off; wins over the argument `after`. */
  lastEventId: string | null;
  /** Where lists are put that need not be gone through again; absent where nobody takes them from here. */
  finishedLists?: FinishedList[];
}

/** A model of the catalogue, as it is now. */
export interface CatalogueModelFacts {
  name: string;
  provider: string;
  contextTokens: number;
  fallbacks: string[];
  circuit: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
}

export interface GatewayFacts {
  version: string;
  startedAt: Date;
  journal: 'sqlite' | 'postgres';
  /** Names in the catalogue, the default one first. */
  models: readonly string[];
  /** The same models, with what can change while the server runs. */
  modelCatalogue(): CatalogueModelFacts[];
  /** MCP servers as they are now, in the order of the configuration. */
  mcpServers?(): readonly McpServerStatus[];
  /** Limits of runs as configured, shown beside those of the API. */
  limits?: Readonly<Record<string, number>>;
}

/** Something that can end before its answer is there. Its signal is made when it is asked for. */
export interface Leaving {
  readonly signal: AbortSignal;
}

type Parts = Pick<GraphqlContext, 'viewer' | 'commands' | 'follow' | 'gateway' | 'lastEventId'> & { leaving: Leaving };

/** Loaders and the signal are made when they are asked for: many operations, and most events, need neither. */
export function createContext({ viewer, commands, follow, gateway, lastEventId, leaving }: Parts): GraphqlContext {
  let loaders: Loaders | null = null;
  return {
    viewer,
    commands,
    follow,
    gateway,
    lastEventId,
    get signal() {
      return leaving.signal;
    },
    get loaders() {
      loaders ??= createLoaders({ ...commands, journal: follow.journal }, viewer);
      return loaders;
    },
  };
}

/**
 * The context for one event of a subscription after the other: what an earlier event has loaded is not what holds now. One
 * object serves them all; they are executed one by one.
 */
export function eventContexts<Context extends GraphqlContext>(context: Context): () => Context {
  const { commands, follow, viewer } = context;
  let loaders: Loaders | null = null;
  const ofEvents = {
    ...context,
    get loaders() {
      loaders ??= createLoaders({ ...commands, journal: follow.journal }, viewer);
      return loaders;
    },
  };
  return () => {
    loaders = null;
    return ofEvents;
  };
}
