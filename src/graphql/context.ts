import type { CommandContext, Viewer } from '../application/command-context.ts';
import type { FollowDependencies } from '../streams/follow-run.ts';
import type { McpServerStatus } from '../tools/mcp/mcp-server.ts';
import type { FinishedList } from './execution/finished-lists.ts';
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

/** The signal that aborts when a client leaves; made when it is asked for. */
export type SignalSource = () => AbortSignal;

type Parts = Pick<GraphqlContext, 'viewer' | 'commands' | 'follow' | 'gateway' | 'lastEventId'> & {
  leaving: SignalSource;
};

/**
 * Loaders and the signal are made when they are asked for: many operations, and most events, need neither. A class, because an
 * object with accessors of its own takes longer to make than a small query to be answered.
 */
export class OperationContext implements GraphqlContext {
  readonly viewer: Viewer;
  readonly commands: CommandContext;
  readonly follow: FollowDependencies;
  readonly gateway: GatewayFacts;
  readonly lastEventId: string | null;
  finishedLists?: FinishedList[] = undefined;
  readonly #leaving: SignalSource;
  #loaders: Loaders | null = null;

  constructor({ viewer, commands, follow, gateway, lastEventId, leaving }: Parts) {
    this.viewer = viewer;
    this.commands = commands;
    this.follow = follow;
    this.gateway = gateway;
    this.lastEventId = lastEventId;
    this.#leaving = leaving;
  }

  get signal(): AbortSignal {
    return this.#leaving();
  }

  get loaders(): Loaders {
    this.#loaders ??= createLoaders({ ...this.commands, journal: this.follow.journal }, this.viewer);
    return this.#loaders;
  }
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
    signal: context.signal,
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
