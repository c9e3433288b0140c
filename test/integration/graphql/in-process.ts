import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionArgs, execute, type GraphQLError, parse } from 'graphql';
import type { CommandContext, Viewer } from '../../../src/application/command-context.ts';
import { createLanes } from '../../../src/application/lanes.ts';
import { createStarter } from '../../../src/application/run/starter.ts';
import { createBus } from '../../../src/bus/bus.ts';
import { signsOf } from '../../../src/bus/signs.ts';
import { systemClock } from '../../../src/clock.ts';
import * as limits from '../../../src/config/limits.ts';
import { wordsAlone } from '../../../src/context/memory/meanings.ts';
import type { Client, Database } from '../../../src/database/database.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { decide, type RunCommand } from '../../../src/domain/run-decisions.ts';
import type { GraphqlContext } from '../../../src/graphql/context.ts';
import { createLoaders } from '../../../src/graphql/loaders.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { type StreamedResult, subscribeOperation } from '../../../src/graphql/subscribe.ts';
import { createIds } from '../../../src/ids.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { createRecorder } from '../../../src/projections/recording/recorder.ts';
import { createSecretVault } from '../../../src/tools/secret-vault.ts';
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
  const bus = createBus();
  const journal = createDatabaseJournal(database, ({ runId, sessionId, events }) => {
    bus.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, signs: signsOf(events) });
  });
  const recorder = createRecorder({ journal, now, cachedRuns: 100, isShared: false });
  const policy: Policy = { judge: () => ({ effect: 'ASK', reason: 'in doubt', rules: [] }) };
  const compactor: CommandContext['compactor'] = { propose: async () => ({ kind: 'nothing', reason: 'No model.' }) };
  const commands: CommandContext = {
    ...{ journal, compactor },
    ...{ database, recorder, toolbox: createToolbox([]), policy, newId: createIds(now), now, lanes: createLanes() },
    meanings: wordsAlone,
    secrets: createSecretVault(null),
    starter: createStarter(),
    settings: { models: ['scripted', 'other'], queueLength: 3, onExpiry: 'deny', separateApprover: false },
  };
  const follow = {
    ...{ journal, bus, timer: after, pageEvents: 200, bufferEvents: limits.FOLLOW_BUFFER_EVENTS },
    pollMilliseconds: 5000,
  };
  const gateway = {
    ...{ version: '0.0.0', startedAt: new Date(now()), journal: 'sqlite' as const, models: ['scripted'] },
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
    ...{ schema, document: parse(document.toString()), contextValue: contextOf(asking) },
    variableValues: variables as Record<string, unknown>,
  });

  /** Does to a run what an orchestrator would. */
  async function act(runId: string, command: RunCommand | NewEvent[]): Promise<void> {
    const run = await recorder.load(runId);
    if (!run) throw new Error(`There is no run ${runId}.`);
    const recorded = await recorder.record({
      ...{ runId, sessionId: run.origin.sessionId, epoch: null },
      decide: (fold, time) =>
        decide(fold, Array.isArray(command) ? { kind: 'record', events: command } : command, time),
    });
    if (recorded.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(recorded)}`);
  }

  return {
    ...{ database, bus, journal, recorder, commands, statements, act },
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
  const readText: Database['readText'] = (...parameters) => {
    count += 1;
    return database.readText(...parameters);
  };
  const select: Database['select'] = (...parameters) => {
    count += 1;
    return database.select(...parameters);
  };
  return { database: { ...database, reader, readText, select }, statements: () => count };
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
