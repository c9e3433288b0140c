import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionArgs, execute, type GraphQLError, parse } from 'graphql';
import type { CommandContext, Viewer } from '../../../src/application/command-context.ts';
import { createKeyedMutex } from '../../../src/application/keyed-mutex.ts';
import { systemClock } from '../../../src/clock.ts';
import * as limits from '../../../src/config/limits.ts';
import { noSemanticSearch } from '../../../src/context/memory/semantic-search.ts';
import type { Client, Database } from '../../../src/database/database.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { type StreamedResult, subscribeOperation } from '../../../src/graphql/execution/subscribe.ts';
import { createLoaders } from '../../../src/graphql/loaders.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { createIds } from '../../../src/ids.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { createRunStore } from '../../../src/run-store/run-store.ts';
import { hintsOf } from '../../../src/streams/notifications/hints.ts';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import type { TypedDocumentString } from '../../generated/graphql.ts';
import { context as contextEvent, output, question, verdict } from '../../unit/domain/given.ts';

export interface Asking {
  principal?: string;
  scopes?: string[];
  lastEventId?: string | null;
  signal?: AbortSignal;
}

export interface Result<Data> {
  data?: Data | null;
  errors?: readonly GraphQLError[];
}

/** The schema over a database in a folder of its own, without a server and without an orchestrator. */
export type InProcess = Awaited<ReturnType<typeof openInProcess>>;

export async function openInProcess() {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-graphql-'));
  const opened = await openSqlite({ url: `file:${join(folder, 'runtape.db')}`, durability: 'normal' });
  const { database, statements } = countStatements(opened);
  const { now, after } = systemClock;
  const notifications = createNotificationHub();
  const journal = createDatabaseJournal(database, ({ runId, sessionId, events }) => {
    notifications.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, hints: hintsOf(events) });
  });
  const runStore = createRunStore({ journal, claimNow: () => null, now, cachedRuns: 100, isShared: false });
  const policy: Policy = { evaluate: () => ({ effect: 'ASK', reason: 'in doubt', rules: [] }) };
  const compactor: CommandContext['compactor'] = { propose: async () => ({ kind: 'nothing', reason: 'No model.' }) };
  const commands: CommandContext = {
    journal,
    compactor,
    database,
    runStore,
    toolbox: createToolbox([]),
    policy,
    newId: createIds(now),
    now,
    mutex: createKeyedMutex(),
    semanticSearch: noSemanticSearch,
    secretStore: createSecretStore(null),
    settings: { models: ['scripted', 'other'], queueLength: 3, onExpiry: 'deny', separateApprover: false },
  };
  const follow = {
    journal,
    notifications,
    timer: after,
    pageEvents: 200,
    bufferEvents: limits.FOLLOW_BUFFER_EVENTS,
    pollMilliseconds: 5000,
  };
  const gateway = {
    version: '0.0.0',
    startedAt: new Date(now()),
    journal: 'sqlite' as const,
    models: ['scripted'],
    modelCatalogue: () => [
      { name: 'scripted', provider: 'scripted', contextTokens: 32_000, fallbacks: [], circuit: 'CLOSED' as const },
    ],
  };

  function contextOf({ principal = 'ada', scopes = ['read', 'write', 'approve'], ...rest }: Asking): GraphqlContext {
    const viewer: Viewer = { principal, scopes };
    const { lastEventId = null, signal = new AbortController().signal } = rest;
    return {
      viewer,
      commands,
      follow,
      gateway,
      loaders: createLoaders({ ...commands, journal }, viewer),
      signal,
      lastEventId,
    };
  }

  const argsOf = (document: { toString(): string }, variables: unknown, asking: Asking): ExecutionArgs => ({
    schema,
    document: parse(document.toString()),
    contextValue: contextOf(asking),
    variableValues: variables as Record<string, unknown>,
  });

  /** Does to a run what an orchestrator would. */
  async function act(runId: string, command: RunCommand | NewEvent[]): Promise<void> {
    const run = await runStore.load(runId);
    if (!run) throw new Error(`There is no run ${runId}.`);
    const recorded = await runStore.record({
      runId,
      sessionId: run.origin.sessionId,
      epoch: null,
      decide: (fold, { now: time }) =>
        decide(fold, Array.isArray(command) ? { kind: 'record', events: command } : command, time),
    });
    if (recorded.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(recorded)}`);
  }

  return {
    database,
    notifications,
    journal,
    runStore,
    commands,
    statements,
    act,
    /** The whole answer. */
    async run<Data, Variables>(
      document: TypedDocumentString<Data, Variables> | string,
      variables: Variables | Record<string, unknown>,
      asking: Asking = {},
    ): Promise<Result<Data>> {
      return (await execute(argsOf(document, variables, asking))) as Result<Data>;
    },
    /** The data; throws where there are errors. */
    async data<Data, Variables>(
      document: TypedDocumentString<Data, Variables>,
      variables: Variables,
      asking: Asking = {},
    ): Promise<Data> {
      const { data, errors } = await this.run(document, variables, asking);
      if (errors || !data) throw new Error(JSON.stringify(errors));
      return data;
    },
    async subscribe(
      document: TypedDocumentString<unknown, never> | TypedDocumentString<unknown, unknown> | string,
      variables: unknown,
      asking: Asking = {},
    ) {
      return subscribeOperation(argsOf(document, variables, asking));
    },
    async [Symbol.asyncDispose]() {
      await journal.idle();
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Counts what is asked of the connection for reading. */
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

/** Takes a new run to the point where a person is asked about one call. Returns the approval's id. */
export async function ask(
  { act, commands }: Pick<InProcess, 'act' | 'commands'>,
  runId: string,
  turn = 1,
): Promise<string> {
  const callId = commands.newId('call');
  const approvalId = commands.newId('approval');
  await act(runId, { kind: 'start', turn });
  const asked = question(callId, { approvalId, expiresAt: commands.now() + 60_000 });
  await act(runId, [contextEvent(1), ...output(1, { calls: [callId] }), verdict(callId, 'ASK'), asked]);
  await act(runId, { kind: 'requestApproval' });
  return approvalId;
}

/** Takes a new run to its end. */
export async function finish({ act }: Pick<InProcess, 'act'>, runId: string, text: string, turn = 1): Promise<void> {
  await act(runId, { kind: 'start', turn });
  await act(runId, [contextEvent(1), ...output(1, { text, usage: { input: 10, output: 5 } })]);
  await act(runId, { kind: 'complete' });
}

/** The stream that a subscription answered with. */
export function streamOf(answer: Awaited<ReturnType<InProcess['subscribe']>>): AsyncIterableIterator<StreamedResult> {
  if (Symbol.asyncIterator in answer) return answer;
  throw new Error(JSON.stringify(answer));
}

/** The next data of a stream; throws where it has ended or failed. */
export async function nextOf<Data>(
  stream: AsyncIterableIterator<StreamedResult>,
  _document: TypedDocumentString<Data, never>,
): Promise<Data> {
  const { done, value } = await stream.next();
  if (done || value.errors || !value.data) throw new Error(JSON.stringify(value));
  return value.data as Data;
}

/** The code of the only error. */
export function codeOf({ errors }: { errors?: readonly GraphQLError[] }): unknown {
  return errors?.length === 1 ? errors[0]?.extensions.code : errors;
}
