import { createAuditLog } from '../../../src/application/audit/audit-log.ts';
import { freeCall } from '../../../src/context/call-charges.ts';
import { noSemanticSearch } from '../../../src/context/memory/semantic-search.ts';
import { createTokenMeter } from '../../../src/context/token-estimate.ts';
import { createToolTexts } from '../../../src/context/tool-texts.ts';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { Database } from '../../../src/database/database.ts';
import type { StampedEvent } from '../../../src/domain/events.ts';
import { createIds } from '../../../src/ids.ts';
import { createLogger } from '../../../src/logger.ts';
import type { CatalogueEntry } from '../../../src/models/catalogue.ts';
import { createCurrentCatalogue } from '../../../src/models/current-catalogue.ts';
import type { OrchestratorDependencies, OrchestratorSettings } from '../../../src/orchestrator/dependencies.ts';
import { RELEASE_ENDED_SQLITE } from '../../../src/orchestrator/lease-statements.ts';
import type { Lease } from '../../../src/orchestrator/leases.ts';
import type { SessionRow } from '../../../src/repositories/sessions.ts';
import { createRunStore } from '../../../src/run-store/run-store.ts';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { createToolbox, type ToolSource } from '../../../src/tools/toolbox.ts';
import { append } from '../../contract/appends.ts';
import { createMemoryJournal } from '../../memory-journal.ts';
import { type Given, limits, tape } from '../domain/given.ts';
import { createFakeClock } from '../fake-clock.ts';

const session: SessionRow = {
  id: 'ses_1',
  owner: 'ada',
  key: 'ses_1',
  title: null,
  agentId: null,
  createdAt: new Date(0),
  activeAt: new Date(0),
  archivedAt: null,
  resetTurn: 0,
  useCompaction: true,
  parentId: null,
  branchRunId: null,
  branchSeq: null,
  branchTurn: null,
  metadata: null,
};

interface FakeOptions {
  tools?: readonly Tool[];
  sources?: readonly ToolSource[];
  /** The first one is the default. Without any, the default model is not configured. */
  models?: readonly CatalogueEntry[];
  settings?: Partial<OrchestratorSettings>;
  /** The result of a statement that writes: claims and renewals of leases. */
  executeWrite?(parameters: readonly unknown[]): Promise<object[]>;
  /** Replace what the others need. */
  parts?: Partial<OrchestratorDependencies>;
}

/** A source that never knows whether it has a tool: a run with tool calls waits for it until it is aborted. */
export const startingSource: ToolSource = {
  list: () => [],
  unavailableReason: () => null,
  waitUntilReady: (_name, signal) =>
    new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    }),
};

/** What the orchestrator uses, over a journal in memory. The database has one session, without agents and grants. */
export function createFakeDependencies({
  tools = [],
  sources = [],
  models = [],
  settings,
  executeWrite = async () => [],
  parts,
}: FakeOptions = {}) {
  const clock = createFakeClock();
  const journal = createMemoryJournal(() => undefined);
  /** The rows of commits without events. */
  const committed: RowWrite[] = [];
  let ids = 0;
  // The orchestrator selects nothing but the session, and rows that do not exist.
  const query = (async (statement: { sqlite: string; writes?: boolean }, ...parameters: unknown[]) => {
    // No server is lost in these tests.
    if (statement.sqlite === RELEASE_ENDED_SQLITE) return [];
    if (statement.writes) return executeWrite(parameters);
    return statement.sqlite.includes('FROM "Session"') ? [session] : [];
  }) as Database['query'];
  const dependencies = {
    database: {
      provider: 'postgresql',
      isShared: true,
      query,
      check: async () => undefined,
      commit: async (writes: readonly RowWrite[]) => void committed.push(...writes),
      reader: { $queryRawUnsafe: async () => [{ milliseconds: null }], grant: { findMany: async () => [] } },
    },
    journal,
    runStore: createRunStore({ journal, claimNow: () => null, now: clock.now, cachedRuns: 10, isShared: true }),
    notifications: createNotificationHub(),
    catalogue: createCurrentCatalogue({
      defaultName: models[0]?.name ?? 'scripted',
      names: models.map(({ name }) => name),
      find: (name) => models.find((model) => model.name === name) ?? null,
    }),
    toolbox: createToolbox(tools, () => sources),
    policy: { evaluate: () => ({ effect: 'ALLOW', reason: 'By policy.', rules: [] }) },
    // The tools of these tests are built in or never change.
    acceptedDefinitions: { compare: async () => undefined, quarantineOf: () => null, accept: async () => undefined },
    secretStore: {
      reveal: (_call: unknown, input: unknown) => ({ ok: true, input }),
      foreignPlaceholders: () => [],
      mask: (_call: unknown, input: unknown) => input,
      encrypt: () => null,
    },
    tokenMeter: createTokenMeter(),
    toolTexts: createToolTexts(),
    semanticSearch: noSemanticSearch,
    spending: { reserve: async () => freeCall },
    clock,
    newId: (kind: string) => {
      ids += 1;
      return `${kind}_${ids}`;
    },
    audit: createAuditLog({
      database: { commit: async () => undefined },
      clock,
      newId: createIds(clock.now),
      logger: createLogger('silent'),
    }),
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    settings: {
      limits,
      budgets: [],
      answerBytes: 1000,
      maxConcurrentRuns: 4,
      leaseSeconds: 15,
      approvalExpirySeconds: 60,
      maxResumptions: 3,
      tracing: false,
      ...settings,
    },
    ...parts,
  } as unknown as OrchestratorDependencies;

  /** Stores a tape. Returns the lease of its next executor. */
  async function storeTape(runId: string, lease: Partial<Lease>, ...given: Given[]): Promise<Lease> {
    await append(journal, runId, 0, ...(tape(...given) as StampedEvent[]));
    return { runId, sessionId: session.id, epoch: 2, lost: false, alone: false, suspicion: 0, ...lease };
  }

  const eventsAfter = (runId: string, seq: number) => journal.read(runId, { after: seq, limit: 1000 });

  return { dependencies, clock, committed, storeTape, eventsAfter };
}
