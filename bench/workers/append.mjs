// @ts-check
// Appends events in this process for some seconds, and prints how many became durable per second:
// node append.mjs <runtape|raw> <database url> <seconds> <writers>…
// `raw` inserts batches by the driver alone: one statement with one JSON parameter, and as many rows as there are writers, into
// a table with the same columns but without constraints and triggers.
import Database from 'better-sqlite3';
import pg from 'pg';
import { systemClock } from '../../dist/clock.js';
import { createDatabaseJournal } from '../../dist/database-journal.js';
import { createIds } from '../../dist/ids.js';
import { openDatabase } from '../../dist/open-database.js';

const [mode, url = '', seconds = '2', ...writers] = process.argv.slice(2);
const milliseconds = Number(seconds) * 1000;
const WARM_UP_SHARE = 0.25;

const newId = createIds(Date.now);
const TEXT = 'a piece of text from the model';

/** @param {string} type @param {string} actor @param {unknown} payload */
const event = (type, actor, payload) => /** @type {any} */ ({ type, actor, payload, recordedAt: Date.now() });

function firstEvents() {
  const origin = { sessionId: 'ses', agentId: null, model: null, retryOf: null, urgent: false, scopes: [] };
  return [
    event('input', 'USER', { text: 'hello', steered: false, idempotencyKey: null, origin }),
    event('status', 'SYSTEM', { from: null, to: 'PENDING', reason: null, error: null, turn: null }),
  ];
}

/** Each writer has its own run, and appends its next event when the last one is durable. */
async function openRuntape() {
  const database = await openDatabase({ url, durability: 'full', connections: 12 });
  const journal = createDatabaseJournal(database, systemClock);
  const sessionId = newId('session');

  /** @param {number} end */
  async function write(end) {
    const runId = newId('run');
    let head = 0;
    /** @param {any[]} events */
    const append = async (events) => {
      const outcome = await journal.append({ runId, sessionId, expectedHead: head, epoch: null, events, writes: [] });
      if (outcome.kind !== 'appended') throw new Error(outcome.kind);
      head += events.length;
    };
    await append(firstEvents());
    while (performance.now() < end) await append([event('output_delta', 'MODEL', { step: 1, text: TEXT })]);
    return head - 2;
  }

  /** @param {number} count @param {number} duration */
  const measure = async (count, duration) => {
    const begin = performance.now();
    const written = await Promise.all(Array.from({ length: count }, () => write(begin + duration)));
    return written.reduce((sum, each) => sum + each, 0) / ((performance.now() - begin) / 1000);
  };
  return { measure, close: () => database.close() };
}

const columns = ['runId', 'seq', 'type', 'actor', 'schemaVersion', 'recordedAt', 'epoch', 'payload', 'hash'];
const quoted = columns.map((name) => `"${name}"`).join(', ');
const types =
  '"runId" text, "seq" int, "type" text, "actor" text, "schemaVersion" int, "recordedAt" bigint, "epoch" int, "payload" text, "hash" text';

async function rawSqlite() {
  const database = new Database(url.replace(/^file:/, ''));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(`CREATE TABLE "Raw" (${types}, PRIMARY KEY ("runId", "seq")) WITHOUT ROWID`);
  const values = columns.map((name) => `value ->> '${name}'`).join(', ');
  const statement = database.prepare(`INSERT INTO "Raw" (${quoted}) SELECT ${values} FROM json_each(?)`);
  return {
    insert: async (/** @type {string} */ rows) => void statement.run(rows),
    close: async () => void database.close(),
  };
}

async function rawPostgres() {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`CREATE TABLE "Raw" (${types}, PRIMARY KEY ("runId", "seq"))`);
  const text = `INSERT INTO "Raw" (${quoted}) SELECT ${quoted} FROM jsonb_to_recordset($1::jsonb) AS element(${types})`;
  return {
    insert: async (/** @type {string} */ rows) => void (await client.query({ name: 'insert', text, values: [rows] })),
    close: async () => {
      await client.query('DROP TABLE "Raw"');
      await client.end();
    },
  };
}

async function openRaw() {
  const { insert, close } = await (url.startsWith('file:') ? rawSqlite() : rawPostgres());
  const hash = '0'.repeat(64);
  const payload = JSON.stringify({ step: 1, text: TEXT });
  let seq = 0;
  /** @param {number} count @param {number} duration */
  const measure = async (count, duration) => {
    const begin = performance.now();
    const runs = Array.from({ length: count }, () => newId('run'));
    let rows = 0;
    while (performance.now() < begin + duration) {
      seq += 1;
      const common = {
        seq,
        type: 'output_delta',
        actor: 'MODEL',
        schemaVersion: 1,
        recordedAt: Date.now(),
        epoch: null,
      };
      await insert(JSON.stringify(runs.map((runId) => ({ runId, ...common, payload, hash }))));
      rows += count;
    }
    return rows / ((performance.now() - begin) / 1000);
  };
  return { measure, close };
}

const { measure, close } = await (mode === 'runtape' ? openRuntape() : openRaw());
/** @type {Record<string, number>} */
const rates = {};
for (const count of writers.map(Number)) {
  await measure(count, milliseconds * WARM_UP_SHARE);
  rates[count] = await measure(count, milliseconds);
}
await close();
console.log(JSON.stringify(rates));
