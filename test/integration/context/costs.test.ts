import { expect, test } from 'vitest';
import { branchSession } from '../../../src/application/session/branch-session.ts';
import { assembleContext } from '../../../src/context/assemble.ts';
import type { HistoryStore } from '../../../src/context/history.ts';
import { recallMemories } from '../../../src/context/memory/recall.ts';
import { noSemanticSearch } from '../../../src/context/memory/semantic-search.ts';
import { createToolTexts } from '../../../src/context/tool-texts.ts';
import type { Client, Database } from '../../../src/database/database.ts';
import { isRefusal } from '../../../src/domain/refusal.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { createSessionWithRuns } from './long-session.ts';
import { overridingCatalogue } from './overriding-catalogue.ts';

const model = overridingCatalogue(8000, (inner) => inner.stream).find('scripted');
const viewer = { principal: 'ada', scopes: [] };

/** A store that counts the statements and events that are read and the rows that are written. */
function counting({ database, journal }: HistoryStore) {
  const counts = { statements: 0, events: 0, rows: 0 };
  const reader = database.reader.$extends({
    query: {
      $allOperations({ args, query }) {
        counts.statements += 1;
        return query(args);
      },
    },
  }) as unknown as Client;
  const counted: Database = {
    ...database,
    reader,
    query: (statement, ...parameters) => {
      counts.statements += 1;
      return database.query(statement, ...parameters);
    },
    commit: (writes) => {
      counts.rows += writes.length;
      return database.commit(writes);
    },
  };
  const read: HistoryStore['journal']['read'] = async (...args) => {
    counts.statements += 1;
    const events = await journal.read(...args);
    counts.events += events.length;
    return events;
  };
  const readMany: HistoryStore['journal']['readMany'] = async (...args) => {
    counts.statements += 1;
    const tapes = await journal.readMany(...args);
    for (const events of tapes.values()) counts.events += events.length;
    return tapes;
  };
  return { counts, store: { database: counted, journal: { read, readMany } } };
}

async function costs(gateway: TestGateway, runs: number) {
  const { parts } = gateway.gateway;
  if (!model) throw new Error('There is no model.');
  const { session, run } = await createSessionWithRuns(parts, runs);
  const assembling = counting(parts);
  const { record } = await assembleContext(assembling.store, {
    session,
    run,
    step: 1,
    agent: null,
    tools: [],
    outputSchema: null,
    toolTexts: createToolTexts(),
    model,
    ratio: 1,
    share: 1,
    recall: (request) =>
      recallMemories(
        { database: assembling.store.database, now: parts.clock.now, semanticSearch: noSemanticSearch },
        request,
      ),
  });
  const branching = counting(parts);
  const last = { sessionId: session.id, runId: session.lastEnded };
  const outcome = await branchSession({ ...parts.commands, ...branching.store }, viewer, last);
  if (isRefusal(outcome)) throw new Error(outcome.message);
  return { assembling: { ...assembling.counts, messages: record.shown.messages }, branching: branching.counts };
}

test('B8: neither a context nor a branch costs more in a long session', async () => {
  const gateway = await startTestGateway();
  const short = await costs(gateway, 120);
  const long = await costs(gateway, Number(process.env.RUNTAPE_LONG_SESSION_RUNS ?? 1000));
  const tiny = await costs(gateway, 10);
  process.stdout.write(`costs with 10, 120 and many runs: ${JSON.stringify([tiny, short, long])}\n`);
  expect(long).toEqual(short);
  // The session, and its item in the feed of changes.
  expect(long.branching.rows).toBe(2);
  expect(tiny.branching).toEqual(long.branching);
});
