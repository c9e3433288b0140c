import type { Database } from '../../../src/database/database.ts';
import { activityKinds } from '../../../src/domain/activity.ts';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import { createIds } from '../../../src/ids.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import * as leases from '../../../src/orchestrator/leases.ts';
import { approvalContents } from '../../../src/projections/approval-contents.ts';
import * as approvals from '../../../src/projections/approvals.ts';
import { readConversations } from '../../../src/projections/messages.ts';
import * as runLists from '../../../src/projections/run-lists.ts';
import { queuePositions } from '../../../src/projections/run-queue.ts';
import * as runs from '../../../src/projections/runs.ts';
import { sessionPositions } from '../../../src/projections/session-cursors.ts';
import * as sessionRuns from '../../../src/projections/session-runs.ts';
import { waitsOfSessions } from '../../../src/projections/session-waits.ts';
import { allToolCalls, readToolCalls } from '../../../src/projections/tool-calls.ts';
import { usageParts, usageReport } from '../../../src/projections/usage-report.ts';
import * as waits from '../../../src/projections/waits.ts';
import * as activity from '../../../src/repositories/activity.ts';
import { latestCompaction } from '../../../src/repositories/compactions.ts';
import { searchHistory, searchSessions } from '../../../src/repositories/conversation-search.ts';
import { nearestMemories } from '../../../src/repositories/embeddings.ts';
import { grantsOf } from '../../../src/repositories/grants.ts';
import { findIdempotencyKey } from '../../../src/repositories/idempotency-keys.ts';
import { lineageOf, lineagesOf } from '../../../src/repositories/lineage.ts';
import * as lists from '../../../src/repositories/session-lists.ts';
import * as sessions from '../../../src/repositories/sessions.ts';
import { createRunStore } from '../../../src/run-store/run-store.ts';
import {
  approvalRequest,
  context,
  origin,
  output,
  toolDecision,
  toolResult,
  toolStart,
} from '../../unit/domain/given.ts';
import { idOf } from './filled-database.ts';

/** Executes what a server executes for every message, step, list and search, on a filled database. */
export async function executeHotStatements(database: Database, journal: Journal): Promise<void> {
  await readTapes(journal);
  await readSessionsAndRuns(database);
  await readApprovals(database, journal);
  await readActivity(database);
  await readWaits(database);
  await readMessages(database, journal);
  await search(database);
  await executeRun(database, journal);
}

const runIds = [7, 7003, 6021].map((number) => idOf('run', number));
const sessionIds = [7, 1003, 21].map((number) => idOf('ses', number));
const [runId = ''] = runIds;
const [sessionId = ''] = sessionIds;
const owner = 'owner_7';
const metadata = { env: 'test', team: 'red' };
const firstPage = { size: 25, from: 'start', after: null, before: null } as const;
const lastPage = { ...firstPage, from: 'end' } as const;

async function readActivity(database: Database): Promise<void> {
  await activity.activityAfter(database, 1000, 100);
  await activity.activityBounds(database);
  await activity.pruneActivity(database, new Date(0));
  for (const everyDecision of [false, true]) {
    const query = { owner, everyDecision, kinds: activityKinds, sessionId: null };
    await activity.pageActivity(database, query, { ...firstPage, after: 1000 }, 40_000);
    await activity.pageActivity(database, query, lastPage, 40_000);
  }
}

async function readTapes(journal: Journal): Promise<void> {
  await journal.read(runId, { after: 0, limit: 100 });
  await journal.read(runId, { after: 1, upTo: 2, limit: 100, types: ['output', 'input'] });
  await journal.readBack(runId, { before: 3, limit: 2 });
  await journal.readMany(
    runIds.map((id) => ({ runId: id, upTo: 2 })),
    ['output'],
  );
  await journal.readEnds(runIds, 2);
  await journal.head(runId);
  await journal.verify(runId);
}

async function readSessionsAndRuns(database: Database): Promise<void> {
  const { reader } = database;
  await sessions.sessionById(database, owner, sessionId);
  await sessions.sessionForExecution(database, sessionId);
  await sessions.sessionByKey(database, owner, 'key_7');
  await sessions.sessionsByIds(database, owner, sessionIds);
  await sessions.ownersOf(reader, sessionIds);
  await sessions.lastActivityOfSessions(database, sessionIds);
  await sessions.resetSession(database, sessionId);
  await lineageOf(database, idOf('ses', 1001));
  await latestCompaction(database, [{ sessionId, fromTurn: 1, upToTurn: 5, cut: null }]);
  await grantsOf(reader, sessionIds, new Date());
  await findIdempotencyKey(reader, { principal: owner, mutation: 'sendMessage', key: 'k' });
  const position = { activeAt: new Date(Date.UTC(2026, 0, 1, 0, 10)), id: sessionId };
  for (const page of [firstPage, lastPage]) {
    await lists.pageSessions(database, { owner, includeArchived: false }, page);
    await lists.pageSessions(
      database,
      { owner, includeArchived: true, parentId: sessionId },
      { ...page, after: sessionId },
    );
    await lists.pageActiveSessions(database, { owner, includeArchived: false }, page);
    await lists.pageActiveSessions(database, { owner, includeArchived: false }, { ...page, after: position });
    await lists.pageSessions(database, { owner, includeArchived: false, metadata, states: ['FAILED', 'DONE'] }, page);
    await lists.pageActiveSessions(database, { owner, includeArchived: true, metadata, agentId: 'agt_1' }, page);
    await runLists.pageRuns(database, { owner, metadata }, page);
    await runLists.pageRuns(database, { owner, sessionId }, page);
    await runLists.pageRuns(database, { owner, sessionId }, { ...page, after: runId });
  }
  await lists.countSessions(database, { owner, includeArchived: false, metadata, states: ['FAILED'] }, 100);
  await runLists.countRuns(database, { owner, metadata }, 100);
  await runLists.countRuns(database, { owner, sessionId }, 100);
  await queuePositions(database, sessionIds);
  const report = { owner, since: new Date(Date.UTC(2026, 0, 1)), until: new Date(Date.UTC(2026, 0, 2)) };
  const key = { day: '2026-01-01', sessionId, model: 'm', agentId: 'agt_1' };
  await usageReport(database, { ...report, groupBy: new Set(usageParts) }, key, 26);
  await runs.runById(database, owner, runId);
  await runs.runsByIds(database, owner, runIds);
  await sessionRuns.activeRunsOf(reader, sessionIds);
  await sessionRuns.lastRunsOf(reader, sessionIds);
  await sessionRuns.openRunOf(reader, sessionId);
  await sessionRuns.openRunsOf(database, sessionId);
  await sessionRuns.nextRunId(reader, sessionId, null);
  await sessionRuns.nextRunId(reader, sessionId, runId);
  for (const from of ['oldest', 'newest'] as const) {
    await sessionRuns.runsBetween(database, sessionId, { fromTurn: 1, upToTurn: 9 }, { from, limit: 8 });
  }
  await sessionRuns.newestTurn(database, sessionId);
  await sessionRuns.usageOfSessions(reader, sessionIds);
  await runs.headsOf(database, runIds);
  await runs.headOfRun(database, owner, runId);
  await sessionPositions(database, sessionIds);
}

async function readApprovals(database: Database, journal: Journal): Promise<void> {
  const { reader } = database;
  await approvals.approvalById(database, idOf('apr', 7));
  const rows = await approvals.approvalsByIds(reader, owner, [idOf('apr', 7), idOf('apr', 57)]);
  await approvalContents(journal, rows);
  await approvals.countApprovals(database, { owner }, 100);
  await approvals.countApprovals(database, { owner: null, statuses: ['PENDING'] }, 100);
  await approvals.pendingDefinitions(reader);
  await approvals.pendingApprovalsAbout(reader, { tool: 'tool', definitionHash: 'other' }, 100);
}

async function readWaits(database: Database): Promise<void> {
  const { reader } = database;
  const visibility = { owner, kindsOfEverybody: [] };
  await waits.waitsByIds(reader, visibility, [idOf('apr', 7), idOf('apr', 57)]);
  await waits.openWaitsOf(reader, runIds);
  await waits.expiredWaits(reader, new Date(), { except: ['apr_1'], limit: 100 });
  const position = { requestedAt: new Date(Date.UTC(2026, 0, 1, 0, 10)), id: idOf('apr', 7) };
  for (const page of [firstPage, lastPage]) {
    await waits.pageWaits(reader, visibility, { kinds: ['APPROVAL'], states: ['OPEN'] }, page);
    await waits.pageWaits(reader, visibility, { states: ['OPEN'] }, page);
    await waits.pageWaits(reader, visibility, { sessionId, states: ['OPEN'] }, page);
    await waits.pageWaits(reader, visibility, { sessionId }, { ...page, after: position });
    await waits.pageWaits(reader, visibility, { runId }, page);
    await waitsOfSessions(database, sessionIds, {}, { ...page, after: position });
    await waitsOfSessions(database, sessionIds, { kinds: ['APPROVAL'], states: ['OPEN'], runId }, page);
  }
}

async function readMessages(database: Database, journal: Journal): Promise<void> {
  await lineagesOf(database, [idOf('ses', 1001), sessionId]);
  const part = { sessionId, upToTurn: null, cut: null, after: null, before: null };
  const bound = { runId, seq: 2 };
  for (const page of [firstPage, lastPage]) {
    const branch = [{ ...part, sessionId: idOf('ses', 1001), upToTurn: 3, cut: bound }, part];
    await readConversations(database, journal, [{ ...page, parts: branch }]);
    await readConversations(database, journal, [{ ...page, before: bound, parts: [{ ...part, before: bound }] }]);
    await readConversations(database, journal, [
      { ...page, parts: branch },
      { ...page, after: bound, before: bound, parts: [{ ...part, after: bound, before: bound }] },
    ]);
  }
  await readToolCalls(journal, [allToolCalls(runId)]);
}

async function search(database: Database): Promise<void> {
  const query = { owner, includeArchived: false, now: Date.now() };
  await searchSessions(database, query, 'word7 common', { size: 25, from: 'start', after: null, before: null });
  await searchHistory(database, query, 'word7', 5);
  const embedded = { model: 'm', vector: new Int8Array(8) };
  for (const where of [null, sessionId]) {
    await nearestMemories(database, { owner, sessionId: where, now: new Date() }, embedded, 5);
  }
}

/** Claims, leases and the appends of one run from its message to its end. */
async function executeRun(database: Database, journal: Journal): Promise<void> {
  const newId = createIds(Date.now);
  const term = { holder: 'srv_new', now: Date.now(), leaseMilliseconds: 60_000 };
  const newRun = newId('run');
  const target = { ...origin, sessionId };
  const store = createRunStore({ journal, claimNow: () => null, now: Date.now, cachedRuns: 10, isShared: true });
  const record = async (command: RunCommand, epoch: number | null = null) => {
    const outcome = await store.record({
      runId: newRun,
      sessionId,
      epoch,
      isNew: command.kind === 'send',
      decide: (run, { now }) => {
        const decision = decide(run, command, now);
        const expectation = sessions.expectSession({ id: sessionId, runId: newRun, mostWaiting: 10, free: false });
        return decision.kind === 'events' && command.kind === 'send' ? { ...decision, rows: [expectation] } : decision;
      },
    });
    if (outcome.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(outcome)}`);
  };
  await leases.waitingWork(database);
  await record({ kind: 'send', text: 'hello', idempotencyKey: null, metadata, origin: target });
  await leases.claimLeases(database, term, 4);
  await database.commit([leases.firstLease(term, newRun)]).catch(() => undefined);
  const lease = { runId: newRun, sessionId, epoch: 1, lost: false };
  await leases.renewLeases(database, term, [...runIds, newRun]);
  await leases.holdsLease(database, term.holder, lease);
  await leases.releaseEndedLeases(database, term.now);
  await leases.nextForeignExpiry(database, term.holder);
  await record({ kind: 'start', turn: 20 }, 1);
  await record({ kind: 'record', events: [context(1), ...output(1, { text: 'A text.', calls: ['a', 'b'] })] }, 1);
  await record({ kind: 'record', events: [toolDecision('a', 'ALLOW'), toolStart('a'), toolResult('a')] }, 1);
  await record({ kind: 'record', events: [toolDecision('b', 'ASK'), approvalRequest('b')] }, 1);
  await record({ kind: 'requestApproval' }, 1);
  await database.commit([leases.releaseLease(lease)]);
  await leases.nextEpoch(database, newRun);
  await database.commit([leases.nextLease(term, { ...lease, epoch: 2 })]);
  await record({ kind: 'cancel', reason: null });
  await database.commit([
    sessions.titleSession({ id: sessionId, title: 'A title' }),
    ...sessions.titlePassages(sessionId, 'A title'),
  ]);
}
