import type { Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import type { EventType, RecordedEvent } from '../domain/events.ts';
import { decode, decodeColumns, type StoredEvent, storedColumnNames } from './codec.ts';
import type { Journal, TapeHead } from './journal.ts';
import type { CachedHead } from './plan-appends.ts';

/** Reads tapes from the database. A page is one cell of JSON: rows through the Prisma client cost four times as much. */
export interface TapeReader extends Pick<Journal, 'read' | 'readBack' | 'readMany' | 'readEnds' | 'head'> {
  /** Events as they are stored, oldest first. Not checked against their schemas. */
  readStored(runId: string, after: number, limit: number): Promise<StoredEvent[]>;
  /** Leaves out runs without a tape. */
  heads(runIds: string[]): Promise<Map<string, CachedHead>>;
}

const columns = storedColumnNames.map((name) => `"${name}"`).join(', ');
/** NULL matches no type. It keeps the list valid SQL when there are no types. */
const typeCondition = (types: readonly EventType[] | undefined) =>
  types ? ` AND "type" IN (${['NULL', ...types.map((type) => `'${type}'`)].join(', ')})` : '';

function pageSql(order: 'ASC' | 'DESC', types: readonly EventType[] | undefined) {
  const [fromLow, toHigh] = order === 'ASC' ? ['>', '<='] : ['>=', '<'];
  const select = (runId: string, low: string, high: string, limit: string) => `
    SELECT ${columns} FROM "Event" WHERE "runId" = ${runId} AND "seq" ${fromLow} ${low} AND "seq" ${toHigh} ${high}
    ${typeCondition(types)} ORDER BY "seq" ${order} LIMIT ${limit}`;
  return {
    keyed: true,
    sqlite: `SELECT json_group_array(json_array(${columns})) FROM (${select('?', '?', '?', '?')})`,
    postgresql: `SELECT json_agg(json_build_array(${columns}))::text
      FROM (${select('$1', '$2::bigint', '$3::bigint', '$4::bigint')}) AS page`,
  };
}

const headSql = {
  keyed: true,
  sqlite: `SELECT json_group_array(json_array("Tape"."runId", "sessionId", "closed", coalesce("seq", 0), "hash"))
    FROM "Tape" LEFT JOIN "Event" ON "Event"."runId" = "Tape"."runId"
      AND "seq" = (SELECT max("seq") FROM "Event" WHERE "runId" = "Tape"."runId")
    WHERE "Tape"."runId" IN (SELECT value FROM json_each(?))`,
  postgresql: `SELECT json_agg(json_build_array("Tape"."runId", "sessionId", "closed", coalesce("seq", 0), "hash"))::text
    FROM "Tape" LEFT JOIN "Event" ON "Event"."runId" = "Tape"."runId"
      AND "seq" = (SELECT max("seq") FROM "Event" WHERE "runId" = "Tape"."runId")
    WHERE "Tape"."runId" IN (SELECT jsonb_array_elements_text($1::jsonb))`,
};

/** Tapes have no gaps, so the last `count` events are those after the newest seq less `count`. */
const endsSql = (() => {
  const select = (runIds: string, count: string) => `
    SELECT "Event"."runId" AS "run", ${columns} FROM (${runIds}) AS requested JOIN "Event" ON "Event"."runId" = requested."id"
    WHERE "seq" > (SELECT max("seq") FROM "Event" WHERE "runId" = requested."id") - ${count} ORDER BY "run", "seq"`;
  return {
    keyed: true,
    sqlite: `SELECT json_group_array(json_array("run", json_array(${columns})))
      FROM (${select('SELECT value AS "id" FROM json_each(?)', '?')})`,
    postgresql: `SELECT json_agg(json_build_array("run", json_build_array(${columns})))::text
      FROM (${select('SELECT jsonb_array_elements_text($1::jsonb) AS "id"', '$2::int')}) AS ends`,
  };
})();

function manySql(types: readonly EventType[]) {
  const select = (tapes: string) => `
    SELECT "Event"."runId" AS "run", ${columns} FROM (${tapes}) AS requested JOIN "Event" ON "Event"."runId" = requested."id"
    WHERE "seq" > requested."after" AND "seq" <= requested."upTo"${typeCondition(types)} ORDER BY "run", "seq"`;
  return {
    keyed: true,
    sqlite: `SELECT json_group_array(json_array("run", json_array(${columns}))) FROM (${select(
      `SELECT value ->> 'runId' AS "id", value ->> 'after' AS "after", value ->> 'upTo' AS "upTo" FROM json_each(?)`,
    )})`,
    postgresql: `SELECT json_agg(json_build_array("run", json_build_array(${columns})))::text FROM (${select(
      `SELECT "runId" AS "id", "after", "upTo"
        FROM jsonb_to_recordset($1::jsonb) AS tape("runId" text, "after" bigint, "upTo" bigint)`,
    )}) AS many`,
  };
}

export function createTapeReader(database: Database): TapeReader {
  async function page(
    order: 'ASC' | 'DESC',
    runId: string,
    range: { low: number; high: number; limit: number; types?: readonly EventType[] },
  ): Promise<StoredEvent[]> {
    const rows = await queryJson<unknown>(
      database,
      pageSql(order, range.types),
      runId,
      range.low,
      range.high,
      range.limit,
    );
    const events = rows.map((row) => decodeColumns(runId, row));
    return order === 'ASC' ? events : events.reverse();
  }

  async function tapeHeads(runIds: string[]): Promise<Map<string, TapeHead>> {
    const rows = await queryJson<[string, string, boolean | number, number, string]>(
      database,
      headSql,
      JSON.stringify(runIds),
    );
    return new Map(
      rows.map(([runId, sessionId, closed, head, hash]) => [runId, { sessionId, closed: Boolean(closed), head, hash }]),
    );
  }

  const decodeAll = (stored: StoredEvent[]): RecordedEvent[] => stored.map(decode);
  return {
    async read(runId, { after, upTo = Number.MAX_SAFE_INTEGER, limit, types }) {
      return decodeAll(await page('ASC', runId, { low: after, high: upTo, limit, types }));
    },
    async readBack(runId, { before, limit, types }) {
      return decodeAll(await page('DESC', runId, { low: 1, high: before, limit, types }));
    },
    async readMany(tapes, types) {
      const parts = tapes.map(({ runId, after = 0, upTo }) => ({ runId, after, upTo }));
      const rows = await queryJson<[string, unknown]>(database, manySql(types), JSON.stringify(parts));
      return decodeByRun(
        tapes.map(({ runId }) => runId),
        rows,
      );
    },
    async readEnds(runIds, count) {
      const rows = await queryJson<[string, unknown]>(database, endsSql, JSON.stringify([...new Set(runIds)]), count);
      return decodeByRun(runIds, rows);
    },
    readStored: (runId, after, limit) => page('ASC', runId, { low: after, high: Number.MAX_SAFE_INTEGER, limit }),
    async heads(runIds) {
      const heads = await tapeHeads(runIds);
      return new Map(
        // Counting the bytes would read the whole tape, so whoever closes it does that.
        [...heads].map(([runId, { head: seq, hash, closed }]) => [runId, { seq, hash, closed, payloadBytes: null }]),
      );
    },
    async head(runId) {
      return (await tapeHeads([runId])).get(runId) ?? null;
    },
  };
}

/** The events of each run in the order of the rows; an empty list for a run without rows. */
function decodeByRun(runIds: readonly string[], rows: readonly [string, unknown][]): Map<string, RecordedEvent[]> {
  const events = new Map<string, RecordedEvent[]>(runIds.map((runId) => [runId, []]));
  for (const [runId, row] of rows) events.get(runId)?.push(decode(decodeColumns(runId, row)));
  return events;
}
