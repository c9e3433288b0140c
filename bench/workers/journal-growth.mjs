// @ts-check
// What an append and a page of a tape cost in a journal of so many events, in microseconds:
// node journal-growth.mjs <database url> <seconds> <events>

import { systemClock } from '../../dist/clock.js';
import { createDatabaseJournal } from '../../dist/database-journal.js';
import { createIds } from '../../dist/ids.js';
import { openDatabase } from '../../dist/open-database.js';

const [url = '', seconds = '1', events = '1000'] = process.argv.slice(2);
const TAPE_EVENTS = 500;
const TAPES_AT_A_TIME = 20;
const PAGE_EVENTS = 100;

const newId = createIds(Date.now);
const sessionId = newId('session');
const database = await openDatabase({ url, durability: 'full', connections: 12 });
const journal = createDatabaseJournal(database, systemClock);
// Knows nothing of what was written, as after a restart.
const reader = createDatabaseJournal(database, systemClock);

/** @param {string} type @param {string} actor @param {unknown} payload */
const event = (type, actor, payload) => /** @type {any} */ ({ type, actor, payload, recordedAt: Date.now() });
const delta = () => event('output_delta', 'MODEL', { step: 1, text: 'a piece of text that a model said' });

function opening() {
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
for (let written = 0; written < Number(events); written += TAPES_AT_A_TIME * TAPE_EVENTS) {
  const count = Math.min(TAPES_AT_A_TIME, Math.ceil((Number(events) - written) / TAPE_EVENTS));
  const runIds = Array.from({ length: count }, () => newId('run'));
  tapes.push(...runIds);
  await Promise.all(
    runIds.map((runId) => append(runId, 0, [...opening(), ...Array.from({ length: TAPE_EVENTS - 2 }, delta)])),
  );
}

/** Median of what one repetition takes. @param {(index: number) => Promise<unknown>} step */
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

const own = newId('run');
await append(own, 0, opening());
const appended = await microseconds((index) => append(own, index + 2, [delta()]));
const paged = await microseconds((index) => {
  // A stride that visits all of them in no order that a cache could guess.
  const runId = tapes[(index * 7919) % tapes.length] ?? '';
  return reader.read(runId, {
    after: (index * 37) % (TAPE_EVENTS - PAGE_EVENTS),
    limit: PAGE_EVENTS,
    types: undefined,
  });
});
await database.close();
console.log(JSON.stringify({ append: appended, page: paged }));
