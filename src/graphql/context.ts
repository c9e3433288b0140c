import type { GraphQLResolveInfo } from 'graphql';
import type { CommandContext, Viewer } from '../application/command-context.ts';
import type { ActivityFeed } from '../streams/activity/feed.ts';
import type { SessionFollowDependencies } from '../streams/follow-session.ts';
import type { McpServerStatus } from '../tools/mcp/mcp-server.ts';
import { createLoaders, type Loaders } from './loaders.ts';

/** What resolvers work with. The server creates one for each operation. */
export interface GraphqlContext {
  viewer: Viewer;
  commands: CommandContext;
  follow: SessionFollowDependencies;
  /** The changes of all principals: what a viewer may see of them is decided by the fields. */
  activity: ActivityFeed;
  gateway: GatewayFacts;
  /** New for each operation, and for each event of a subscription. */
  loaders: Loaders;
  /** Aborts when the client of this operation disconnects. */
  signal: AbortSignal;
  /** `Last-Event-ID` of an SSE client that reconnects; takes precedence over the argument `after`. */
  lastEventId: string | null;
  /** Collects the lists that `completeList` completes; absent if graphql-js completes all lists. */
  completedLists?: CompletedList[];
  /** Of an operation that can read many objects: each page of a list is completed in another turn of the event loop. */
  nextTurn?(): Promise<void>;
}

/** A list that `completeList` completed and that the executor has to insert into the result. */
export interface CompletedList {
  path: GraphQLResolveInfo['path'];
  items: unknown[];
}

/** A model of the catalogue in its current state. */
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
  /** Names in the catalogue, the default model first. */
  models: readonly string[];
  /** The same models in the same order, with their current state. */
  modelCatalogue(): CatalogueModelFacts[];
  /** Current state of the MCP servers, in the order of the configuration. */
  mcpServers?(): readonly McpServerStatus[];
  /** Configured limits of runs, which `Gateway.limits` lists with those of the API. */
  limits?: Readonly<Record<string, number>>;
}

/** Returns the signal that aborts when the client disconnects, and creates it on the first call. */
export type SignalSource = () => AbortSignal;

type ContextParts = Pick<GraphqlContext, 'viewer' | 'commands' | 'follow' | 'activity' | 'gateway' | 'lastEventId'> & {
  leaving: SignalSource;
};

/**
 * Creates loaders and signal on first use, because many operations and most events need neither. A class, because creating an
 * object with its own accessors takes longer than executing a small query.
 */
export class OperationContext implements GraphqlContext {
  readonly viewer: Viewer;
  readonly commands: CommandContext;
  readonly follow: SessionFollowDependencies;
  readonly activity: ActivityFeed;
  readonly gateway: GatewayFacts;
  readonly lastEventId: string | null;
  completedLists?: CompletedList[] = undefined;
  nextTurn?: () => Promise<void> = undefined;
  readonly #leaving: SignalSource;
  #loaders: Loaders | null = null;

  constructor({ viewer, commands, follow, activity, gateway, lastEventId, leaving }: ContextParts) {
    this.viewer = viewer;
    this.commands = commands;
    this.follow = follow;
    this.activity = activity;
    this.gateway = gateway;
    this.lastEventId = lastEventId;
    this.#leaving = leaving;
  }

  get signal(): AbortSignal {
    return this.#leaving();
  }

  get loaders(): Loaders {
    this.#loaders ??= createLoaders(this);
    return this.#loaders;
  }
}

/**
 * Returns a function that gives the context for the next event of a subscription, with empty loaders: rows loaded for an earlier
 * event may have changed. All events share one object, because they are executed one after another.
 */
export function eventContexts<Context extends GraphqlContext>(context: Context): () => Context {
  let loaders: Loaders | null = null;
  const eventContext = {
    ...context,
    signal: context.signal,
    get loaders() {
      loaders ??= createLoaders(context);
      return loaders;
    },
  };
  return () => {
    loaders = null;
    return eventContext;
  };
}
