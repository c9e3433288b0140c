import type { CommandContext } from '../application/command-context.ts';
import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import { OperationContext } from '../graphql/context.ts';
import { schema } from '../graphql/schema.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { Metrics } from '../observation/metrics.ts';
import type { Observer } from '../observer.ts';
import type { ActivityFeed } from '../streams/activity/feed.ts';
import type { NextRun } from '../streams/follow-session.ts';
import type { NotificationHub } from '../streams/notifications/hub.ts';
import { createSharedLookups } from '../streams/shared-lookups.ts';
import type { Access } from './access/access.ts';
import type { CurrentAuthentication } from './access/authentication/current-authentication.ts';
import { type OnSignInFailure, watchSignIns } from './access/authentication/watch-sign-ins.ts';
import { createConcurrencyLimit, limitConnections } from './access/concurrency-limit.ts';
import { createFollowCharges } from './access/follow-charges.ts';
import { createOrigins } from './access/origins.ts';
import { createRateLimit, type RateLimit } from './access/rate-limit.ts';
import { createSharedRateLimit } from './access/shared-rate-limit.ts';
import { gatewayFacts } from './gateway-facts.ts';
import type { ConfiguredMcpServers } from './mcp-servers.ts';
import { type FileInEffect, trafficLimits } from './settings.ts';
import { createAttachmentsHttp } from './transport/attachments-http.ts';
import { type ConsoleFiles, openConsoleFiles } from './transport/console-files.ts';
import { createDocuments, readDocumentList } from './transport/documents.ts';
import { createEndOfTurn } from './transport/end-of-turn.ts';
import { createEventStreams } from './transport/event-stream.ts';
import { createGraphiqlPage } from './transport/graphiql-page.ts';
import type { GraphqlHttp, GraphqlHttpOptions, MakeContext } from './transport/graphql-http.ts';
import { createGraphqlWebSocket } from './transport/graphql-websocket.ts';
import { createHttpAccelerator } from './transport/http-accelerator.ts';
import { createHttpServer, listen, type Readiness, setHeaders } from './transport/http-server.ts';
import { countErrors, createMaskError, type MaskError } from './transport/masked-errors.ts';
import { createMetricsHttp, type MetricsHttp } from './transport/metrics-http.ts';
import { trackResponses } from './transport/open-responses.ts';
import { createOperations, type Operations } from './transport/operations.ts';

const ENDPOINT = '/graphql';

interface Parts {
  commands: CommandContext;
  journal: Journal;
  notifications: NotificationHub;
  activity: ActivityFeed;
  clock: Clock;
  catalogue: Catalogue;
  logger: Logger;
  authentication: CurrentAuthentication;
  mcpServers: ConfiguredMcpServers;
  inEffect: FileInEffect;
  observer: Observer | undefined;
  /** Null if the metrics are not served. */
  metrics: Metrics | null;
  /** Resolves with why the database cannot be used, or null. */
  storeProblem(): Promise<string | null>;
  /** Whether common requests are answered without yoga, with the same responses in less time. */
  httpAccelerator: boolean;
  /** Folder of the built console; null if it is not served. */
  consoleFolder: string | null;
}

export interface RunningServer {
  url: string;
  /**
   * Makes `/readyz` answer 503, so that a load balancer sends no new requests. Those that still arrive are answered, and their
   * connections end. Resolves after the given time, when the balancer should have noticed.
   */
  drain(seconds: number): Promise<void>;
  /** Ends every connection in a way that makes clients reconnect, after the requests in progress. Resolves when all are closed. */
  close(): Promise<void>;
}

/** Listens on one port for GraphQL over HTTP, WebSocket and server-sent events, GraphiQL, the console, and the health checks. */
export async function serve(configuration: Configuration, parts: Parts): Promise<RunningServer> {
  const { host, port, file } = configuration;
  const { clock, logger, commands } = parts;
  const rateLimit = rateLimitOf(configuration, parts);
  const makeContext = contextMaker(parts, rateLimit);
  const uncountedMask = createMaskError(logger, commands.newId);
  const maskError = countErrors(uncountedMask, parts.observer);
  const eventStreams = createEventStreams(clock);
  const consoleFiles = parts.consoleFolder === null ? null : openConsoleFiles(parts.consoleFolder);
  const documents = createDocuments(schema, allowedDocuments(configuration, consoleFiles));
  const origins = createOrigins(file.cors.origins, file.auth.mode === 'none');
  const operations = operationsOf(configuration, parts, { maskError, rateLimit });
  const { authenticate, ...authentication } = parts.authentication;
  const watched = watchSignIns(authenticate, reportSignInFailure(parts));
  const access = { authentication: { ...authentication, authenticate: watched }, origins, clock };
  const shared = {
    schema,
    endpoint: ENDPOINT,
    makeContext,
    maskError,
    documents,
    operations,
    atEndOfTurn: createEndOfTurn(clock),
  };
  const graphqlHttp = lazyGraphqlHttp({ ...shared, maskError: uncountedMask, eventStreams, logger });
  const accelerator = parts.httpAccelerator ? createHttpAccelerator(shared) : null;
  let draining = false;
  const isDraining = () => draining;
  const server = createHttpServer({
    endpoint: ENDPOINT,
    access,
    maskError,
    bodyBytes: file.traffic.bodyBytes,
    charge: operations.receive,
    attachments: createAttachmentsHttp({ commands, charge: operations }),
    async graphql(request, response, graphqlRequest) {
      if (await accelerator?.(request, response, graphqlRequest)) return;
      const answer = await graphqlHttp();
      const { identity, parameters, responseHeaders } = graphqlRequest;
      await answer(request, setHeaders(response, responseHeaders), { identity, parameters });
    },
    // With authentication GraphiQL must send a token. Its headers go with server-sent events, and not with WebSockets.
    graphiql: createGraphiqlPage(ENDPOINT, file.auth.mode === 'none' ? 'WS' : 'SSE'),
    consoleFiles,
    metrics: metricsOf(configuration, parts, access, maskError),
    readiness: async () => (draining ? { isReady: false, text: 'stopping' } : readinessOf(parts)),
  });
  const responses = trackResponses(server, clock);
  limitConnections(server, file.traffic.connectionsPerAddress);
  const listening = await listen(server, host, port);
  // Created after the server listens: a WebSocket server would report a port in use as an error of its own.
  const sockets = createGraphqlWebSocket({
    ...shared,
    ...socketLimits(configuration),
    access,
    server,
    logger,
    isDraining,
  });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}${ENDPOINT}`,
    async drain(seconds) {
      draining = true;
      responses.endConnections();
      if (seconds > 0) await clock.sleep(seconds * 1000);
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      eventStreams.closeAll();
      await sockets.dispose();
      await responses.finished(limits.SHUTDOWN_REQUEST_SECONDS * 1000);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A server that only refuses uploads is of use. */
async function readinessOf({ storeProblem, commands }: Parts): Promise<Readiness> {
  const problem = await storeProblem();
  if (problem !== null) return { isReady: false, text: problem };
  const full = commands.diskSpace.problem();
  if (full === null) return { isReady: true, text: 'ok' };
  const text = `${full.message}: new ${full.refused} are refused`;
  return full.refused === 'messages' ? { isReady: false, text } : { isReady: true, text: `ok; ${text}` };
}

/** A request without a token is counted and is no entry of the audit log: nobody tried to sign in. */
function reportSignInFailure({ observer, commands }: Parts): OnSignInFailure {
  return (problem, { address = null }) => {
    observer?.signInFailed(problem);
    if (problem === 'missing') return;
    const details = { reason: problem };
    commands.audit.count({ event: 'sign-in-failed', principal: null, address, rule: null, details });
  };
}

function metricsOf(
  { file }: Configuration,
  { metrics }: Parts,
  access: Access,
  maskError: MaskError,
): MetricsHttp | null {
  if (!metrics) return null;
  return createMetricsHttp({ metrics, access, maskError, config: file.metrics, isOpen: file.auth.mode === 'none' });
}

/** The console stays usable where clients are restricted to a list. */
function allowedDocuments({ file }: Configuration, consoleFiles: ConsoleFiles | null): Map<string, string> | null {
  if (file.documents === undefined) return null;
  return new Map([...Object.entries(consoleFiles?.documents ?? {}), ...readDocumentList(file.documents)]);
}

/** Loads yoga at the first request that needs it. Most requests do not, and the server starts faster and smaller without it. */
function lazyGraphqlHttp(options: GraphqlHttpOptions): () => Promise<GraphqlHttp> {
  let loaded: Promise<GraphqlHttp> | null = null;
  return () => {
    loaded ??= import('./transport/graphql-http.ts').then(({ createGraphqlHttp }) => createGraphqlHttp(options));
    return loaded;
  };
}

function socketLimits({ file: { traffic } }: Configuration) {
  return {
    bodyBytes: traffic.bodyBytes,
    connectionInitSeconds: traffic.connectionInitSeconds,
    unauthenticated: {
      sockets: traffic.unauthenticatedSockets,
      socketsPerAddress: traffic.unauthenticatedSocketsPerAddress,
      bytes: limits.UNAUTHENTICATED_BYTES,
    },
  };
}

function operationsOf(
  configuration: Configuration,
  { clock }: Parts,
  { maskError, rateLimit }: { maskError: MaskError; rateLimit: RateLimit | null },
): Operations {
  return createOperations({
    maskError,
    clock,
    rateLimit,
    subscriptionLimit: createConcurrencyLimit(configuration.file.traffic.subscriptionsPerPrincipal),
  });
}

/** Servers on one database count together. A single server counts in memory, without a statement. */
function rateLimitOf(configuration: Configuration, { clock, commands: { database } }: Parts): RateLimit | null {
  const { pointsPerMinute } = trafficLimits(configuration.file);
  if (pointsPerMinute === undefined) return null;
  const counting = { pointsPerMinute, maxPrincipals: limits.COUNTED_PRINCIPALS, now: clock.now };
  return database.isShared ? createSharedRateLimit({ database, ...counting }) : createRateLimit(counting);
}

function contextMaker(
  { commands, journal, notifications, activity, clock, ...parts }: Parts,
  rateLimit: RateLimit | null,
): MakeContext {
  const follow = {
    journal,
    notifications,
    clock,
    nextRunLookups: createSharedLookups<NextRun>(),
    pageEvents: limits.FOLLOW_PAGE_EVENTS,
    bufferEvents: limits.FOLLOW_BUFFER_EVENTS,
    pollMilliseconds: limits.FOLLOW_POLL_SECONDS * 1000,
    observer: parts.observer,
    ...(rateLimit && { admitRead: createFollowCharges(rateLimit, clock) }),
  };
  const { catalogue, mcpServers, inEffect } = parts;
  const gateway = gatewayFacts({
    startedAt: new Date(clock.now()),
    journal: commands.database.provider === 'sqlite' ? 'sqlite' : 'postgres',
    catalogue,
    mcpServers,
    inEffect,
  });
  return ({ principal, scopes }, { leaving, lastEventId, from }) =>
    new OperationContext({
      viewer: { principal, scopes, from },
      commands,
      follow,
      activity,
      gateway,
      lastEventId,
      leaving,
    });
}
