import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionArgs, execute, type GraphQLError, parse } from 'graphql';
import { createAuditLog } from '../../../src/application/audit/audit-log.ts';
import type { CommandContext, Viewer } from '../../../src/application/command-context.ts';
import { createAcceptedDefinitions } from '../../../src/application/tool-calls/accepted-definitions.ts';
import { systemClock } from '../../../src/clock.ts';
import * as limits from '../../../src/config/limits.ts';
import { noSemanticSearch } from '../../../src/context/memory/semantic-search.ts';
import type { Client, Database } from '../../../src/database/database.ts';
import { createKeyedMutex } from '../../../src/database/mutex.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import type { BudgetRequest, NewEvent } from '../../../src/domain/events.ts';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { createSubscribe, type StreamedResult } from '../../../src/graphql/execution/subscribe.ts';
import { createLoaders } from '../../../src/graphql/loaders.ts';
import { publicOrMasked } from '../../../src/graphql/public-errors.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { createIds } from '../../../src/ids.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import { createLogger } from '../../../src/logger.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { createRunStore } from '../../../src/run-store/run-store.ts';
import { openActivityFeed } from '../../../src/server/store.ts';
import type { NextRun } from '../../../src/streams/follow-session.ts';
import { hintsOf } from '../../../src/streams/notifications/hints.ts';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createSharedLookups } from '../../../src/streams/shared-lookups.ts';
import { createClientTools } from '../../../src/tools/client-tools.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { attachmentLimits, createMemoryBlobs, enoughSpace, noQuotas, noUploads } from '../../attachment-storage.ts';
import type { TypedDocumentString } from '../../generated/graphql.ts';
import { immediateSchemas } from '../../immediate-schemas.ts';
import {
  approvalRequest,
  budgetRequest,
  context as contextEvent,
  output,
  toolCall,
  toolDecision,
} from '../../unit/domain/given.ts';

/** Who executes an operation, and how; by default the principal `ada` with all ordinary scopes. */
export interface RequestOptions {
  principal?: string;
  scopes?: string[];
  lastEventId?: string | null;
  signal?: AbortSignal;
}

export interface Result<Data> {
  data?: Data | null;
  errors?: readonly GraphQLError[];
}

/** The schema over its own SQLite database, without server and orchestrator. */
export type InProcess = Awaited<ReturnType<typeof openInProcess>>;

export async function openInProcess() {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-graphql-'));
  const opened = await openSqlite({ url: `file:${join(folder, 'runtape.db')}`, durability: 'normal' });
  const { database, statements } = countStatements(opened);
  const { now } = systemClock;
  const notifications = createNotificationHub();
  const journal = createDatabaseJournal(database, systemClock, ({ runId, sessionId, events }) => {
    notifications.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, hints: hintsOf(events) });
  });
  const runStore = createRunStore({ journal, claimNow: () => null, now, cachedRuns: 100, isShared: false });
  const policy: Policy = { evaluate: () => ({ effect: 'ASK', reason: 'needs an approval', rules: [] }) };
  const compactor: CommandContext['compactor'] = { propose: async () => ({ kind: 'nothing', reason: 'No model.' }) };
  const logger = createLogger('silent');
  const commands: CommandContext = {
    journal,
    diskSpace: enoughSpace,
    quotas: noQuotas,
    uploads: noUploads,
    blobs: createMemoryBlobs(),
    schemaChecker: immediateSchemas,
    compactor,
    database,
    runStore,
    toolbox: createToolbox([]),
    clientTools: createClientTools(immediateSchemas),
    policy,
    newId: createIds(now),
    now,
    mutex: createKeyedMutex(),
    semanticSearch: noSemanticSearch,
    secretStore: createSecretStore(null),
    signer: null,
    notifications,
    acceptedDefinitions: createAcceptedDefinitions({ database, now, logger, hasQuarantine: () => true }),
    logger,
    audit: createAuditLog({ database, clock: systemClock, newId: createIds(now), logger }),
    settings: {
      models: ['scripted', 'other'],
      countedItems: 5,
      defaultModel: 'scripted',
      attachmentKinds: () => [],
      attachments: attachmentLimits,
      queueLength: 3,
      agentVersions: 100,
      configuredAgents: [],
      onExpiry: 'deny',
      separateApprover: false,
      activityRetentionDays: 7,
      auditRetentionDays: 90,
      tracing: false,
      approvalExpirySeconds: 60,
    },
  };
  const follow = {
    journal,
    notifications,
    clock: systemClock,
    nextRunLookups: createSharedLookups<NextRun>(),
    pageEvents: 200,
    bufferEvents: limits.FOLLOW_BUFFER_EVENTS,
    // A test that waits for a poll does not end.
    pollMilliseconds: 3_600_000,
  };
  const activity = openActivityFeed({ database, notifications, clock: systemClock, logger });
  const subscribe = createSubscribe(publicOrMasked);
  const gateway = {
    version: '0.0.0',
    startedAt: new Date(now()),
    journal: 'sqlite' as const,
    models: ['scripted'],
    modelCatalogue: () => [
      { name: 'scripted', provider: 'scripted', contextTokens: 32_000, fallbacks: [], circuit: 'CLOSED' as const },
    ],
  };

  function createContext({
    principal = 'ada',
    scopes = ['read', 'write', 'approve'],
    lastEventId = null,
    signal = new AbortController().signal,
  }: RequestOptions): GraphqlContext {
    const viewer: Viewer = { principal, scopes };
    const loaders = createLoaders({ commands, follow: { journal }, viewer });
    return { viewer, commands, follow, activity, gateway, loaders, signal, lastEventId };
  }

  const executionArgs = (
    document: { toString(): string },
    variables: unknown,
    options: RequestOptions,
  ): ExecutionArgs => ({
    schema,
    document: parse(document.toString()),
    contextValue: createContext(options),
    variableValues: variables as Record<string, unknown>,
  });

  /** Records what an orchestrator would record. */
  async function record(runId: string, command: RunCommand | NewEvent[]): Promise<void> {
    const run = await runStore.load(runId);
    if (!run) throw new Error(`There is no run ${runId}.`);
    const outcome = await runStore.record({
      runId,
      sessionId: run.origin.sessionId,
      epoch: null,
      decide: (fold, { now: time }) =>
        decide(fold, Array.isArray(command) ? { kind: 'record', events: command } : command, time),
    });
    if (outcome.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(outcome)}`);
  }

  return {
    database,
    notifications,
    journal,
    runStore,
    commands,
    statements,
    record,
    /** Executes an operation and returns the complete result. */
    async run<Data, Variables>(
      document: TypedDocumentString<Data, Variables> | string,
      variables: Variables | Record<string, unknown>,
      options: RequestOptions = {},
    ): Promise<Result<Data>> {
      return (await execute(executionArgs(document, variables, options))) as Result<Data>;
    },
    /** Executes an operation and returns its data; throws if it has errors. */
    async data<Data, Variables>(
      document: TypedDocumentString<Data, Variables>,
      variables: Variables,
      options: RequestOptions = {},
    ): Promise<Data> {
      const { data, errors } = await this.run(document, variables, options);
      if (errors || !data) throw new Error(JSON.stringify(errors));
      return data;
    },
    async subscribe(
      document: TypedDocumentString<unknown, never> | TypedDocumentString<unknown, unknown> | string,
      variables: unknown,
      options: RequestOptions = {},
    ) {
      return subscribe(executionArgs(document, variables, options));
    },
    async [Symbol.asyncDispose]() {
      await journal.idle();
      await activity.close();
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Counts the statements that read from the database. */
function countStatements(database: Database): { database: Database; statements(): number } {
  let count = 0;
  const reader = database.reader.$extends({
    query: {
      $allOperations({ args, query }) {
        count += 1;
        return query(args);
      },
    },
  }) as unknown as Client;
  const query: Database['query'] = (statement, ...parameters) => {
    count += 1;
    return database.query(statement, ...parameters);
  };
  return { database: { ...database, reader, query }, statements: () => count };
}

/** Takes a new run to the point where one tool call waits for an approval. Returns the approval's id. */
export async function requestApproval(
  { record, commands }: Pick<InProcess, 'record' | 'commands'>,
  runId: string,
  turn = 1,
): Promise<string> {
  const callId = commands.newId('call');
  const approvalId = commands.newId('approval');
  await record(runId, { kind: 'start', turn });
  const request = approvalRequest(callId, { approvalId, expiresAt: commands.now() + 60_000 });
  await record(runId, [contextEvent(1), ...output(1, { calls: [callId] }), toolDecision(callId, 'ASK'), request]);
  await record(runId, { kind: 'requestApproval' });
  return approvalId;
}

/** Takes a new run to a call that its client has to run. */
export async function requestClientTool({ record, commands }: Pick<InProcess, 'record' | 'commands'>, runId: string) {
  const callId = commands.newId('call');
  await record(runId, { kind: 'start', turn: 1 });
  const payload = {
    waitId: commands.newId('clientToolCall'),
    kind: 'CLIENT_TOOL' as const,
    callId,
    summary: 'pick_file(title: "Which?")',
    expiresAt: commands.now() + 60_000,
    question: null,
    budget: null,
  };
  const [answer] = output(1, { calls: [callId] });
  if (!answer) throw new Error('There is no answer.');
  const events = [contextEvent(1), answer, toolCall(callId, 1, { title: 'Which?' })];
  await record(runId, [...events, { type: 'wait_request', actor: 'SYSTEM', payload }]);
  await record(runId, { kind: 'requestApproval' });
}

/** Takes a new run to a budget that asks. Returns the id of the request. */
export async function requestBudget(
  { record, commands }: Pick<InProcess, 'record' | 'commands'>,
  runId: string,
  budget: Partial<BudgetRequest> = {},
): Promise<string> {
  await record(runId, { kind: 'start', turn: 1 });
  const waitId = commands.newId('budgetRequest');
  await record(runId, [budgetRequest(budget, { waitId, expiresAt: commands.now() + 60_000 })]);
  await record(runId, { kind: 'requestApproval' });
  return waitId;
}

/** Takes a new run to its end. */
export async function finishRun(
  { record }: Pick<InProcess, 'record'>,
  runId: string,
  text: string,
  turn = 1,
): Promise<void> {
  await record(runId, { kind: 'start', turn });
  await record(runId, [contextEvent(1), ...output(1, { text, usage: { input: 10, output: 5 } })]);
  await record(runId, { kind: 'complete' });
}

/** The stream of a subscription; throws if it was refused. */
export function streamOf(result: Awaited<ReturnType<InProcess['subscribe']>>): AsyncIterableIterator<StreamedResult> {
  if (Symbol.asyncIterator in result) return result[Symbol.asyncIterator]();
  throw new Error(JSON.stringify(result));
}

/** The data of the next result of a stream; throws if the stream has ended or the result has errors. */
export async function nextOf<Data>(
  stream: AsyncIterableIterator<StreamedResult>,
  _document: TypedDocumentString<Data, never>,
): Promise<Data> {
  const { done, value } = await stream.next();
  if (done || value.errors || !value.data) throw new Error(JSON.stringify(value));
  return value.data as Data;
}

/** The code of the only error; if there is not exactly one, the errors themselves. */
export function codeOf({ errors }: { errors?: readonly GraphQLError[] }): unknown {
  return errors?.length === 1 ? errors[0]?.extensions.code : errors;
}
