// @ts-check
// Prints the cost of an append and of a tape page in a journal of many events, in microseconds:
// node journal-growth.mjs <database url> <seconds> <events>

import { systemClock } from '../../dist/clock.js';
import { createDatabaseJournal } from '../../dist/database-journal.js';
import { createIds } from '../../dist/ids.js';
import { openDatabase } from '../../dist/open-database.js';

const [url = '', seconds = '1', events = '1000'] = process.argv.slice(2);
const TAPE_EVENTS = 500;
const CONCURRENT_TAPES = 20;
const PAGE_EVENTS = 100;

const newId = createIds(Date.now);
const sessionId = newId('session');
const database = await openDatabase({ url, durability: 'full', connections: 12 });
const journal = createDatabaseJournal(database, systemClock);
// Has nothing in memory, like after a restart.
const reader = createDatabaseJournal(database, systemClock);

/** @param {string} type @param {string} actor @param {unknown} payload */
const event = (type, actor, payload) => /** @type {any} */ ({ type, actor, payload, recordedAt: Date.now() });
const delta = () => event('output_delta', 'MODEL', { step: 1, text: 'a piece of text from the model' });

function firstEvents() {
  const origin = { sessionId, agentId: null, model: null, retryOf: null, urgent: false, scopes: [] };
  return [
    event('input', 'USER', { text: 'hello', steered: false, idempotencyKey: null, origin }),
    event('status', 'SYSTEM', { from: null, to: 'PENDING', reason: null, error: null, turn: null }),
  ];
}

/** @param {string} runId @param {number} expectedHead @param {any[]} appended */
async function append(runId, expectedHead, appended) {
  const outcome = await journal.append({ runId, sessionId, expectedHead, epoch: null, events: appended, writes: [] });
  if (outcome.kind !== 'appended') throw new Error(outcome.kind);
}

/** @type {string[]} */
const tapes = [];
for (let written = 0; written < Number(events); written += CONCURRENT_TAPES * TAPE_EVENTS) {
  const count = Math.min(CONCURRENT_TAPES, Math.ceil((Number(events) - written) / TAPE_EVENTS));
  const runIds = Array.from({ length: count }, () => newId('run'));
  tapes.push(...runIds);
  await Promise.all(
    runIds.map((runId) => append(runId, 0, [...firstEvents(), ...Array.from({ length: TAPE_EVENTS - 2 }, delta)])),
  );
}

/** The median duration of one repetition. @param {(index: number) => Promise<unknown>} step */
async function microseconds(step) {
  const times = [];
  const end = performance.now() + Number(seconds) * 1000;
  for (let index = 0; performance.now() < end; index += 1) {
    const begin = performance.now();
    await step(index);
    times.push(performance.now() - begin);
  }
  times.sort((one, other) => one - other);
  return (times[Math.floor(times.length / 2)] ?? Number.NaN) * 1000;
}

const runId = newId('run');
await append(runId, 0, firstEvents());
const appendMicroseconds = await microseconds((index) => append(runId, index + 2, [delta()]));
const pageMicroseconds = await microseconds((index) => {
  // This stride visits all tapes in an order that no cache can use.
  const pagedRunId = tapes[(index * 7919) % tapes.length] ?? '';
  return reader.read(pagedRunId, {
    after: (index * 37) % (TAPE_EVENTS - PAGE_EVENTS),
    limit: PAGE_EVENTS,
    types: undefined,
  });
});
await database.close();
console.log(JSON.stringify({ append: appendMicroseconds, page: pageMicroseconds }));
