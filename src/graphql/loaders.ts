import DataLoader from 'dataloader';
import { visibleOwner } from '../application/approval/approval-access.ts';
import type { CommandContext, Viewer } from '../application/command-context.ts';
import type { Quarantine } from '../application/tool-calls/accepted-definitions.ts';
import { visibleWaits } from '../application/wait/wait-access.ts';
import type { RecordedEvent } from '../domain/events.ts';
import type { PageArguments, RowPage } from '../domain/page.ts';
import type { Generation } from '../domain/session.ts';
import type { ToolCallFold } from '../domain/tool-calls.ts';
import { kindOfId } from '../ids.ts';
import { type ApprovalContent, approvalContents } from '../projections/approval-contents.ts';
import { type ApprovalRow, approvalsByIds } from '../projections/approvals.ts';
import { attachmentsOfRuns, type UsedAttachment } from '../projections/attachment-uses.ts';
import {
  type BudgetRequestContent,
  type BudgetRequestRow,
  budgetRequestContents,
  budgetRequestsByIds,
} from '../projections/budget-requests.ts';
import {
  type DelegatedCallContent,
  type DelegatedCallRow,
  delegatedCallContents,
  delegatedCallsByIds,
} from '../projections/delegated-calls.ts';
import type { ConversationPage } from '../projections/message-positions.ts';
import { type ConversationMessage, readConversations } from '../projections/messages.ts';
import { queuePositions } from '../projections/run-queue.ts';
import { headsOf, type RunRow, runsByIds } from '../projections/runs.ts';
import { sessionPositions } from '../projections/session-cursors.ts';
import { activeRunsOf, lastRunsOf, type UsageTotals, usageOfSessions } from '../projections/session-runs.ts';
import { waitsOfSessions } from '../projections/session-waits.ts';
import { readToolCalls, type ToolCallsKey } from '../projections/tool-calls.ts';
import { openWaitsOf, type WaitPosition, type WaitRow, type WaitsFilter, waitsByIds } from '../projections/waits.ts';
import { type AgentRow, agentsByIds } from '../repositories/agents.ts';
import { type AttachmentRow, attachmentsByIds } from '../repositories/attachments.ts';
import { type CompactionRow, compactionsByIds } from '../repositories/compactions.ts';
import { type GrantRow, grantsByIds, grantsOf } from '../repositories/grants.ts';
import { lineagesOf } from '../repositories/lineage.ts';
import { type MemoryRow, memoriesByIds } from '../repositories/memories.ts';
import { lastActivityOfSessions, ownersOf, type SessionRow, sessionsByIds } from '../repositories/sessions.ts';
import type { TapePosition } from '../streams/cursor.ts';
import type { FollowDependencies } from '../streams/follow-run.ts';
import type { Tool } from '../tools/tool.ts';
import {
  batchLoader,
  contentLoader,
  groupBy,
  keyBy,
  type Loader,
  MAX_BATCH_SIZE,
  pageLoader,
} from './batch-loaders.ts';
import { notFoundError } from './public-errors.ts';
import { createStoredTextLoader } from './stored-text-loader.ts';

/** Rows that have an id of their own, by the kind of that id. */
interface RowsByKind {
  session: SessionRow;
  run: RunRow;
  approval: ApprovalRow;
  clientToolCall: DelegatedCallRow;
  question: DelegatedCallRow;
  budgetRequest: BudgetRequestRow;
  agent: AgentRow;
  memory: MemoryRow;
  compaction: CompactionRow;
  grant: GrantRow;
  attachment: AttachmentRow;
}

export type RowKind = keyof RowsByKind;

/** Load rows by id, in batches. Null for a row that does not exist or that the viewer may not see. */
type RowLoaders = { [Kind in RowKind]: Loader<RowsByKind[Kind] | null> };

/** Loads waits of every kind. Null for one that does not exist or that the viewer may not see. */
interface WaitLoader {
  wait: Loader<WaitRow | null>;
}

/** Load values by the id of a run, session or stored text. They do not check access: the ids must come from rows that the viewer may see. */
interface RelatedLoaders {
  /** By run: seq of its newest event; 0 if it has none. */
  head: Loader<number>;
  /** By approval: what its approver decides about, from the tape. */
  approvalContent: DataLoader<ApprovalRow, ApprovalContent, string>;
  /** By call that somebody else answers: its input and result, from the tape. */
  delegatedCallContent: DataLoader<DelegatedCallRow, DelegatedCallContent, string>;
  /** By request for more budget: what its approver decides about, from the tape. */
  budgetRequestContent: DataLoader<BudgetRequestRow, BudgetRequestContent, string>;
  /** By tool: whether nobody has accepted its definition, on any server; null if it is accepted. */
  quarantine: DataLoader<Tool, Quarantine | null, string>;
  /** By run: its waits of every kind that are open, oldest first. */
  openWaits: Loader<readonly WaitRow[]>;
  /** By run and part of its tape: its tool calls, in the order of the tape. */
  toolCalls: DataLoader<ToolCallsKey, readonly ToolCallFold[], string>;
  /** By session, filter and page: its waits, newest first. */
  sessionWaits: DataLoader<SessionWaitsKey, RowPage<WaitRow>, string>;
  /** By session: where to continue following it; null if it has no run. */
  sessionPosition: Loader<TapePosition | null>;
  /** By session: the session, its parent, its grandparent, … */
  lineage: Loader<readonly Generation[]>;
  /** By page of a conversation: its messages, oldest first. */
  messages: DataLoader<ConversationPage, RowPage<ConversationMessage>, string>;
  /** By run: the attachments of its messages, in the order of the tape. */
  attachmentsOfRun: Loader<readonly UsedAttachment[]>;
  /** By run and count: its last events, oldest first. */
  lastEvents: DataLoader<TapeEndKey, readonly RecordedEvent[], string>;
  /** By the id of a stored text: the text; null if its session was purged. */
  storedText: Loader<string | null>;
  /** By session: the principal that owns it; null if it does not exist. */
  owner: Loader<string | null>;
  /** By session: the run that is IN_PROGRESS or AWAITING_APPROVAL; null if there is none. */
  activeRun: Loader<RunRow | null>;
  /** By session: the newest run in any state; null if there is none. */
  lastRun: Loader<RunRow | null>;
  /** By session: how many open runs of it come before each of them, by run. */
  queuePositions: Loader<ReadonlyMap<string, number>>;
  /** By session: total usage of its runs. */
  usage: Loader<UsageTotals>;
  /** By session: epoch milliseconds of the newest event of its run that is IN_PROGRESS; null if there is none. */
  lastActivity: Loader<number | null>;
  /** By session: its grants in force, oldest first. */
  grants: Loader<readonly GrantRow[]>;
}

type AllLoaders = RowLoaders & WaitLoader & RelatedLoaders;

export interface Loaders extends AllLoaders {
  /** Forgets all loaded values; call it after a mutation, which may have changed them. */
  clear(): void;
}

interface TapeEndKey {
  runId: string;
  count: number;
}

interface SessionWaitsKey {
  sessionId: string;
  filter: Omit<WaitsFilter, 'sessionId'>;
  page: PageArguments<WaitPosition>;
}

const noUsage: UsageTotals = { inputTokens: 0, outputTokens: 0, estimated: false, cost: null };

interface LoaderSource extends Pick<CommandContext, 'acceptedDefinitions' | 'database' | 'now'> {
  journal: FollowDependencies['journal'];
  viewer: Viewer;
}

interface LoaderContext {
  commands: Pick<CommandContext, 'acceptedDefinitions' | 'database' | 'now'>;
  follow: Pick<FollowDependencies, 'journal'>;
  viewer: Viewer;
}

const create: { readonly [Name in keyof AllLoaders]: (source: LoaderSource) => AllLoaders[Name] } = {
  session: ({ database, viewer }) => rowLoader('session', (ids) => sessionsByIds(database, viewer.principal, ids)),
  run: ({ database, viewer }) => rowLoader('run', (ids) => runsByIds(database, viewer.principal, ids)),
  approval: ({ database, viewer }) =>
    rowLoader('approval', (ids) => approvalsByIds(database.reader, visibleOwner(viewer), ids)),
  clientToolCall: ({ database, viewer }) =>
    rowLoader('clientToolCall', (ids) => delegatedCallsByIds(database.reader, 'CLIENT_TOOL', viewer.principal, ids)),
  question: ({ database, viewer }) =>
    rowLoader('question', (ids) => delegatedCallsByIds(database.reader, 'QUESTION', viewer.principal, ids)),
  budgetRequest: ({ database, viewer }) =>
    rowLoader('budgetRequest', (ids) => budgetRequestsByIds(database.reader, visibleWaits(viewer), ids)),
  agent: ({ database, viewer }) => rowLoader('agent', (ids) => agentsByIds(database.reader, viewer.principal, ids)),
  memory: ({ database, viewer }) => rowLoader('memory', (ids) => memoriesByIds(database.reader, viewer.principal, ids)),
  compaction: ({ database, viewer }) =>
    rowLoader('compaction', (ids) => compactionsByIds(database.reader, viewer.principal, ids)),
  grant: ({ database, viewer }) => rowLoader('grant', (ids) => grantsByIds(database.reader, viewer.principal, ids)),
  attachment: ({ database, viewer }) =>
    rowLoader('attachment', (ids) => attachmentsByIds(database, viewer.principal, ids)),
  attachmentsOfRun: ({ database }) =>
    batchLoader(async (ids) => groupBy(await attachmentsOfRuns(database, ids), ({ runId }) => runId), []),
  head: ({ database }) => batchLoader((ids) => headsOf(database, ids), 0),
  approvalContent: ({ journal }) => contentLoader((rows) => approvalContents(journal, rows)),
  delegatedCallContent: ({ journal }) => contentLoader((rows) => delegatedCallContents(journal, rows)),
  budgetRequestContent: ({ journal }) => contentLoader((rows) => budgetRequestContents(journal, rows)),
  quarantine: ({ acceptedDefinitions }) =>
    new DataLoader(
      async (tools) => {
        await acceptedDefinitions.compare(tools);
        return tools.map((tool) => acceptedDefinitions.quarantineOf(tool));
      },
      { cacheKeyFn: ({ name }) => name },
    ),
  wait: ({ database, viewer }) =>
    batchLoader(
      async (ids) => keyBy(await waitsByIds(database.reader, visibleWaits(viewer), ids), ({ id }) => id),
      null,
    ),
  openWaits: ({ database }) =>
    batchLoader(async (ids) => groupBy(await openWaitsOf(database.reader, ids), ({ runId }) => runId), []),
  toolCalls: ({ journal }) =>
    new DataLoader((keys) => readToolCalls(journal, keys), {
      cacheKeyFn: (key) => JSON.stringify(key),
      maxBatchSize: MAX_BATCH_SIZE,
    }),
  sessionWaits: ({ database }) =>
    pageLoader(
      ({ filter, page }) => [filter, page],
      async (keys) => {
        const [{ filter, page }] = keys;
        return waitsOfSessions(
          database,
          keys.map(({ sessionId }) => sessionId),
          filter,
          page,
        );
      },
    ),
  sessionPosition: ({ database }) => batchLoader((ids) => sessionPositions(database, ids), null),
  lineage: ({ database }) => batchLoader((ids) => lineagesOf(database, ids), []),
  messages: ({ database, journal }) =>
    pageLoader(
      ({ size, from }) => [size, from],
      (pages) => readConversations(database, journal, pages),
    ),
  lastEvents: ({ journal }) =>
    new DataLoader((keys) => readLastEvents(journal, keys), {
      cacheKeyFn: ({ runId, count }) => `${runId}/${count}`,
      maxBatchSize: MAX_BATCH_SIZE,
    }),
  storedText: ({ database }) => createStoredTextLoader(database, MAX_BATCH_SIZE),
  owner: ({ database }) => batchLoader((ids) => ownersOf(database.reader, ids), null),
  activeRun: ({ database }) =>
    batchLoader(async (ids) => keyBy(await activeRunsOf(database.reader, ids), ({ sessionId }) => sessionId), null),
  lastRun: ({ database }) =>
    batchLoader(async (ids) => keyBy(await lastRunsOf(database.reader, ids), ({ sessionId }) => sessionId), null),
  queuePositions: ({ database }) => batchLoader((ids) => queuePositions(database, ids), new Map<string, number>()),
  usage: ({ database }) => batchLoader((ids) => usageOfSessions(database.reader, ids), noUsage),
  lastActivity: ({ database }) => batchLoader((ids) => lastActivityOfSessions(database, ids), null),
  grants: ({ database, now }) =>
    batchLoader(
      async (ids) => groupBy(await grantsOf(database.reader, ids, new Date(now())), ({ sessionId }) => sessionId),
      [],
    ),
};

/** Loaders that are created when they are first used: an operation needs few of them. */
class LazyLoaders {
  readonly #source: LoaderSource;
  readonly #created = new Map<string, { clearAll(): unknown }>();

  constructor(source: LoaderSource) {
    this.#source = source;
  }

  static {
    for (const [name, createLoader] of Object.entries(create)) {
      Object.defineProperty(LazyLoaders.prototype, name, {
        get(this: LazyLoaders) {
          const loader = this.#created.get(name) ?? createLoader(this.#source);
          this.#created.set(name, loader);
          return loader;
        },
      });
    }
  }

  clear(): void {
    for (const loader of this.#created.values()) loader.clearAll();
  }
}

export function createLoaders({ commands, follow, viewer }: LoaderContext): Loaders {
  const { acceptedDefinitions, database, now } = commands;
  // The class has a property for each member of `create`.
  return new LazyLoaders({ acceptedDefinitions, database, now, journal: follow.journal, viewer }) as unknown as Loaders;
}

/**
 * Loads a row that another row refers to. Throws NOT_FOUND if it does not exist any more: its session may have been purged in
 * the meantime.
 */
export async function loadRequired<Kind extends RowKind>(
  loaders: RowLoaders,
  kind: Kind,
  id: string,
): Promise<RowsByKind[Kind]> {
  const row = await loaders[kind].load(id);
  if (row === null) throw notFoundError(kind, id);
  return row;
}

/** Loads the wait that an event or a refusal refers to. Throws like `loadRequired`. */
export async function loadWait(loaders: WaitLoader, id: string): Promise<WaitRow> {
  const row = await loaders.wait.load(id);
  if (row === null) throw notFoundError('wait', id);
  return row;
}

/** One read for each distinct count; a document rarely uses two. */
async function readLastEvents({ readEnds }: FollowDependencies['journal'], keys: readonly TapeEndKey[]) {
  const endsByCount = new Map(
    await Promise.all(
      [...new Set(keys.map(({ count }) => count))].map(async (count) => {
        const runIds = keys.filter((key) => key.count === count).map(({ runId }) => runId);
        return [count, await readEnds(runIds, count)] as const;
      }),
    ),
  );
  return keys.map(({ runId, count }) => endsByCount.get(count)?.get(runId) ?? []);
}

/** Reads only ids of the given kind; the other ids name no row of this type. */
function rowLoader<Row extends { id: string }>(
  kind: RowKind,
  readRows: (ids: readonly string[]) => Promise<Row[]>,
): Loader<Row | null> {
  return batchLoader(async (keys) => {
    const ids = keys.filter((key) => kindOfId(key) === kind);
    return keyBy(ids.length > 0 ? await readRows(ids) : [], ({ id }) => id);
  }, null);
}
