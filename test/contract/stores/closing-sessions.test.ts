import { describe, expect, test } from 'vitest';
import { executeWrites } from '../../../src/database/batch-statement.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { createSigner, isSignedBy, purgeStatement } from '../../../src/journal/signer.ts';
import { insertEncryptedInput } from '../../../src/repositories/encrypted-inputs.ts';
import { insertIdempotencyKey } from '../../../src/repositories/idempotency-keys.ts';
import { memoryPassages } from '../../../src/repositories/memories.ts';
import { storeText } from '../../../src/repositories/stored-texts.ts';
import { archiveSession, purgeSession } from '../../../src/run-store/close-session.ts';
import { PURGED_ROWS, PURGED_RUNS } from '../../../src/run-store/delete-session.ts';
import { awaitingApproval, context, inProgress, output, pending, status } from '../../unit/domain/given.ts';
import { type Store, stores } from './both-stores.ts';
import { createSession, RECORDED, recordRun } from './recorded-runs.ts';

const now = new Date(RECORDED + 5000);
const ended = [inProgress, context(1), output(1, { text: 'quokka' }), status('IN_PROGRESS', 'DONE')];

describe.each(stores)('B6: archiving a session on %s', (_provider, open) => {
  const archivedAt = async ({ database }: Store, id: string) =>
    (await database.reader.session.findUnique({ where: { id } }))?.archivedAt ?? null;
  const feed = async ({ database }: Store) =>
    (await database.reader.activity.findMany({ where: { kind: 'SESSION_ARCHIVED' } })).map(
      ({ sessionId, owner, occurredAt }) => ({ sessionId, owner, occurredAt }),
    );

  test('hides it, and tells the feed of its owner once', async () => {
    const store = await open();
    await createSession(store, 'one');
    await createSession(store, 'two');
    await recordRun(store, 'run_1', 'one', ended);
    expect(await archiveSession(store.database, 'ada', 'one', { now })).toEqual({ kind: 'done' });
    expect([await archivedAt(store, 'one'), await archivedAt(store, 'two')]).toEqual([now, null]);
    expect(await feed(store)).toEqual([{ sessionId: 'one', owner: 'ada', occurredAt: now }]);
    const later = new Date(now.getTime() + 1);
    expect(await archiveSession(store.database, 'ada', 'one', { now: later })).toEqual({ kind: 'done' });
    expect(await archivedAt(store, 'one')).toEqual(now);
    expect(await feed(store)).toHaveLength(1);
  });

  test('is refused while it has an open run, and for a session that the owner does not have', async () => {
    const store = await open();
    await createSession(store, 'one');
    await recordRun(store, 'run_1', 'one', pending);
    expect(await archiveSession(store.database, 'ada', 'one', { now })).toEqual({ kind: 'busy', runId: 'run_1' });
    expect(await archiveSession(store.database, 'ben', 'one', { now })).toEqual({ kind: 'absent' });
    expect(await archiveSession(store.database, 'ada', 'two', { now })).toEqual({ kind: 'absent' });
    expect(await archivedAt(store, 'one')).toBeNull();
    expect(await feed(store)).toEqual([]);
  });

  test('after a time without activity does nothing if it was active since', async () => {
    const store = await open();
    await createSession(store, 'one');
    await recordRun(store, 'run_1', 'one', ended);
    const archive = (idleSince: number) =>
      archiveSession(store.database, 'ada', 'one', { now, idleSince: new Date(idleSince) });
    expect(await archive(RECORDED - 1)).toEqual({ kind: 'active' });
    expect(await archivedAt(store, 'one')).toBeNull();
    expect(await archive(RECORDED)).toEqual({ kind: 'done' });
  });
});

describe.each(stores)('B7: purging a session on %s', (_provider, open) => {
  const signer = createSigner(Buffer.alloc(32, 1));
  const purge = ({ database }: Store, id: string, more: Partial<Parameters<typeof purgeSession>[2]> = {}) =>
    purgeSession(database, id, { now, withBranches: false, signer: null, ...more });

  /** A session with a run, and rows of every table that refer to them. */
  async function createWithRows(store: Store, sessionId: string, runId: string, word: string): Promise<void> {
    const { database } = store;
    await createSession(store, sessionId, { title: word });
    await recordRun(store, runId, sessionId, awaitingApproval(runId), [
      status('AWAITING_APPROVAL', 'CANCELLED', { reason: word }),
    ]);
    const text = storeText(() => `txt_${runId}`, runId, word);
    const lease = { runId, holder: null, epoch: 1, expiresAt: now, lost: false };
    const key = { principal: 'ada', mutation: 'sendMessage', key: runId, digest: '', resultId: runId, sessionId };
    const attachment = {
      id: `att_${runId}`,
      owner: 'ada',
      name: word,
      mediaType: 'text/plain',
      bytes: 1,
      sha256: runId,
    };
    const memory = { id: `mem_${runId}`, text: word, tags: [] };
    await database.write((client) =>
      client.$transaction(async (transaction) => {
        await transaction.memory.create({
          data: { id: memory.id, owner: 'ada', sessionId, text: word, tags: '[]', createdAt: now, updatedAt: now },
        });
        await executeWrites(transaction, database.provider, [
          ...memoryPassages(memory),
          text.row,
          insertEncryptedInput({ callId: `call_${runId}`, runId, encrypted: word }),
          insertIdempotencyKey({ ...key, seq: 1, createdAt: 0 }),
        ]);
        await transaction.lease.create({ data: lease });
        await transaction.blob.create({ data: { id: `blob_${runId}`, owner: 'ada', sha256: runId } });
        await transaction.attachment.create({ data: { ...attachment, blobId: `blob_${runId}`, createdAt: now } });
        await transaction.attachmentUse.create({ data: { runId, seq: 1, position: 0, attachmentId: attachment.id } });
      }),
    );
  }

  /** The number of rows of each table that belong to sessions. */
  async function counts({ database: { reader } }: Store) {
    return {
      sessions: await reader.session.count(),
      runs: await reader.run.count(),
      tapes: await reader.tape.count(),
      events: (await reader.event.count()) > 0,
      waits: await reader.wait.count(),
      passages: (await reader.passage.count()) > 0,
      memories: await reader.memory.count(),
      memoryPassages: await reader.passage.count({ where: { sourceId: { startsWith: 'mem_' } } }),
      keys: await reader.idempotencyKey.count(),
      leases: await reader.lease.count(),
      texts: await reader.storedText.count(),
      inputs: await reader.encryptedInput.count(),
      uses: await reader.attachmentUse.count(),
      attachments: await reader.attachment.count(),
      purges: await reader.purge.count(),
    };
  }

  const nothing = {
    sessions: 0,
    runs: 0,
    tapes: 0,
    events: false,
    waits: 0,
    passages: false,
    memories: 0,
    memoryPassages: 0,
    keys: 0,
    leases: 0,
    texts: 0,
    inputs: 0,
    uses: 0,
    attachments: 0,
    purges: 0,
  };
  const ofOne = {
    sessions: 1,
    runs: 1,
    tapes: 1,
    events: true,
    waits: 1,
    passages: true,
    memories: 1,
    memoryPassages: 1,
    keys: 1,
    leases: 1,
    texts: 1,
    inputs: 1,
    uses: 1,
    attachments: 1,
    purges: 0,
  };

  test('deletes every row of it, and none of another session', async () => {
    const store = await open();
    await createWithRows(store, 'one', 'run_1', 'zyzzyva');
    await createWithRows(store, 'two', 'run_2', 'quokka');
    expect(await purge(store, 'one')).toEqual({ kind: 'done', sessionIds: ['one'], runIds: ['run_1'] });
    expect(await counts(store)).toEqual(ofOne);
    expect(await purge(store, 'two')).toMatchObject({ runIds: ['run_2'] });
    expect(await counts(store)).toEqual(nothing);
  });

  test('deletes many rows a few at a time, while other work goes on', async () => {
    const store = await open();
    await createSession(store, 'one', { title: 'zyzzyva' });
    const delta: NewEvent = { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: 'x' } };
    const deltas = Array.from({ length: 3 * PURGED_ROWS }, () => delta);
    await recordRun(store, 'run_1', 'one', [inProgress, context(1)], deltas, ended.slice(2));
    const cancelled = [pending, status('PENDING', 'CANCELLED')];
    for (let run = 2; run < PURGED_RUNS + 5; run += 1) await recordRun(store, `run_${run}`, 'one', cancelled);
    let isPurging = true;
    let turns = 0;
    const countTurns = () => {
      turns += 1;
      if (isPurging) setImmediate(countTurns);
    };
    countTurns();
    const outcome = await purge(store, 'one');
    isPurging = false;
    expect(outcome).toMatchObject({ kind: 'done', runIds: { length: PURGED_RUNS + 4 } });
    expect(await counts(store)).toEqual(nothing);
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  test('leaves a record of the purge, which is signed if the server has a key', async () => {
    const store = await open();
    await createWithRows(store, 'one', 'run_1', 'zyzzyva');
    await createWithRows(store, 'two', 'run_2', 'quokka');
    await purge(store, 'one', { signer });
    await purge(store, 'two');
    const [one, two] = await store.database.reader.purgedSession.findMany({ orderBy: { sessionId: 'asc' } });
    expect(one).toMatchObject({ sessionId: 'one', purgedAt: now });
    expect(isSignedBy(signer.publicKey, purgeStatement('one', now.getTime()), one?.signature ?? '')).toBe(true);
    expect(two).toMatchObject({ sessionId: 'two', signature: null });
    const feed = await store.database.reader.activity.findMany({ where: { kind: 'SESSION_PURGED' } });
    expect(feed).toMatchObject([
      { sessionId: 'one', owner: 'ada', occurredAt: now },
      { sessionId: 'two', owner: 'ada' },
    ]);
  });

  test('includes its branches only if that is requested, the youngest first', async () => {
    const store = await open();
    await createWithRows(store, 'one', 'run_1', 'zyzzyva');
    await createSession(store, 'two', { branchOf: { parentId: 'one', runId: 'run_1' } });
    await recordRun(store, 'run_2', 'two', ended);
    await createSession(store, 'three', { branchOf: { parentId: 'two', runId: 'run_2' } });
    expect(await purge(store, 'one')).toEqual({ kind: 'has-branches', branches: 2 });
    expect(await counts(store)).toMatchObject({ sessions: 3, runs: 2 });
    expect(await purge(store, 'one', { withBranches: true })).toEqual({
      kind: 'done',
      sessionIds: ['three', 'two', 'one'],
      runIds: ['run_2', 'run_1'],
    });
    expect(await counts(store)).toEqual(nothing);
  });

  test('is refused while it or a branch has an open run', async () => {
    const store = await open();
    await createSession(store, 'one');
    await recordRun(store, 'run_1', 'one', ended);
    await createSession(store, 'two', { branchOf: { parentId: 'one', runId: 'run_1' } });
    await recordRun(store, 'run_2', 'two', pending);
    expect(await purge(store, 'two')).toEqual({ kind: 'busy', runId: 'run_2' });
    expect(await purge(store, 'one', { withBranches: true })).toEqual({ kind: 'busy', runId: 'run_2' });
    expect(await counts(store)).toMatchObject({ sessions: 2, runs: 2, purges: 0 });
  });

  test('does nothing for a session that does not exist, or that was active since a time', async () => {
    const store = await open();
    await createSession(store, 'one');
    await recordRun(store, 'run_1', 'one', ended);
    expect(await purge(store, 'two')).toEqual({ kind: 'absent' });
    expect(await purge(store, 'one', { idleSince: new Date(RECORDED - 1) })).toEqual({ kind: 'active' });
    expect(await counts(store)).toMatchObject({ sessions: 1, runs: 1 });
    expect(await purge(store, 'one', { idleSince: new Date(RECORDED) })).toMatchObject({ kind: 'done' });
  });
});
