import { describe, expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { insertSession } from '../../../src/repositories/sessions.ts';
import { insertUnindexedText } from '../../../src/repositories/unindexed-texts.ts';
import { purgeSession } from '../../../src/run-store/close-session.ts';
import { startSearchIndexer } from '../../../src/run-store/search-indexer.ts';
import { input } from '../../unit/domain/given.ts';
import { createFakeClock } from '../../unit/fake-clock.ts';
import { poll } from '../../until.ts';
import { appended, newRunId, opening, request, sessionId } from '../appends.ts';
import { type Store, stores } from './both-stores.ts';

async function openWithSession(open: () => Promise<Store>) {
  const { database, journal } = await open();
  await database.commit([
    insertSession({ id: sessionId, owner: 'ada', key: 'k', title: null, agentId: null, createdAt: 1000 }),
  ]);

  /** Records a message that is not in the index. */
  async function record(text: string): Promise<{ runId: string; events: RecordedEvent[] }> {
    const runId = newRunId();
    const [, created] = opening;
    if (!created) throw new Error('A tape begins with two events.');
    const message = { ...input(text), recordedAt: created.recordedAt };
    const writes = [insertUnindexedText({ runId, seq: 1 })];
    const events = appended(await journal.append(request(runId, 0, [message, created], { writes })));
    return { runId, events };
  }

  function startIndexer(store: Database = database) {
    const clock = createFakeClock();
    const failures: unknown[] = [];
    const indexer = startSearchIndexer({
      database: store,
      clock,
      outageLog: { failed: (error) => failures.push(error), worked: () => undefined },
    });
    onTestFinished(() => indexer.close());
    return { clock, indexer, failures };
  }

  const isComplete = async () => (await database.reader.unindexedText.count()) === 0;
  const indexedWords = async () =>
    (await database.reader.passage.findMany({ orderBy: [{ sourceId: 'asc' }, { part: 'asc' }] })).map(({ words }) =>
      words.split(' ').slice(1).join(' '),
    );
  return { database, record, startIndexer, isComplete, indexedWords };
}

describe.each(stores)('the search index on %s', (_provider, open) => {
  test('gets at the start what an earlier server has left, long texts and many of them included', async () => {
    const { record, startIndexer, isComplete, indexedWords } = await openWithSession(open);
    for (let count = 0; count < 150; count += 1) await record(`text number${count}`);
    await record(`${'long '.repeat(20_000)} end`);
    startIndexer();
    await poll(isComplete);
    const words = await indexedWords();
    expect(words.slice(0, 150)).toEqual(Array.from({ length: 150 }, (_, count) => `text number${count}`));
    expect(words.slice(150).join(' ')).toBe(`${'long '.repeat(20_000)}end`);
  });

  test('gets a new text soon after it was recorded, and a text of another server at the next look', async () => {
    const { record, startIndexer, isComplete, indexedWords } = await openWithSession(open);
    const { clock, indexer } = startIndexer();
    await poll(() => clock.pending() === 1);
    const own = await record('own');
    await record('foreign');
    indexer.recorded(own.runId, own.events);
    await poll(async () => {
      await clock.advance(100);
      return (await indexedWords()).length > 0;
    });
    expect(await indexedWords()).toEqual(['own']);
    await poll(async () => {
      await clock.advance(30_000);
      return isComplete();
    });
    expect(await indexedWords()).toEqual(['own', 'foreign']);
  });

  test('does not get the text of a session that was purged meanwhile', async () => {
    const { database, record, startIndexer, isComplete } = await openWithSession(open);
    await record('secret');
    const slowStore: Database = {
      ...database,
      async query(...parameters) {
        const rows = await database.query(...parameters);
        await purgeSession(database, sessionId, false);
        return rows;
      },
    };
    startIndexer(slowStore);
    await poll(isComplete);
    expect(await database.reader.passage.count()).toBe(0);
  });

  test('is completed after an outage of the store', async () => {
    const { database, record, startIndexer, isComplete, indexedWords } = await openWithSession(open);
    await record('text');
    let isDown = true;
    const failing: Database = {
      ...database,
      async commit(writes) {
        if (isDown) throw new StoreError('unavailable', 'down');
        return database.commit(writes);
      },
    };
    const { clock, failures } = startIndexer(failing);
    await poll(() => failures.length === 1);
    isDown = false;
    await poll(async () => {
      await clock.advance(1000);
      return isComplete();
    });
    expect(await indexedWords()).toEqual(['text']);
  });
});
