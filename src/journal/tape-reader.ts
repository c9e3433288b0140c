import type { Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import type { EventType, RecordedEvent } from '../domain/events.ts';
import type { CachedHead } from './appending/append-plan.ts';
import { decode, decodeColumns, type StoredEvent, storedColumnNames } from './codec.ts';
import type { Journal, TapeHead } from './journal.ts';

/** Reads tapes. A page is one cell of JSON that SQL makes: rows through the client cost four times as much. */
export interface TapeReader extends Pick<Journal, 'read' | 'readBack' | 'readMany' | 'readEnds' | 'head'> {
  /** Events as stored, undecoded. */
  readStored(runId: string, after: number, limit: number): Promise<StoredEvent[]>;
  /** Ends of the tapes that there are. */
  ends(runIds: string[]): Promise<Map<string, CachedHead>>;
}

const columns = storedColumnNames.map((name) => `"${name}"`).join(', ');
/** NULL matches nothing, and keeps the list of no types a list. */
const typed = (types: readonly EventType[] | undefined) =>
  types ? ` AND "type" IN (${['NULL', ...types.map((type) => `'${type}'`)].join(', ')})` : '';

function pageSql(order: 'ASC' | 'DESC', types: readonly EventType[] | undefined) {
  const range = order === 'ASC' ? ['>', '<='] : ['>=', '<'];
  const page = (parameter: (n: number) => string) =>
    `SELECT ${columns} FROM "Event" WHERE "runId" = ${parameter(1)} AND "seq" ${range[0]} ${parameter(2)} AND "seq" ${range[1]} ${parameter(3)}${typed(types)} ORDER BY "seq" ${order} LIMIT ${parameter(4)}`;
  return {
    sqlite: `SELECT json_group_array(json_array(${columns})) FROM (${page(() => '?')})`,
    postgresql: `SELECT json_agg(json_build_array(${columns}))::text FROM (${page((n) => (n === 1 ? '$1' : `$${n}::bigint`))}) AS page`,
  };
}

const headSql = {
  sqlite: `SELECT json_group_array(json_array("Tape"."runId", "sessionId", "closed", coalesce("seq", 0), "hash"))
    FROM "Tape" LEFT JOIN "Event" ON "Event"."runId" = "Tape"."runId"
      AND "seq" = (SELECT max("seq") FROM "Event" WHERE "runId" = "Tape"."runId")
    WHERE "Tape"."runId" IN (SELECT value FROM json_each(?))`,
  postgresql: `SELECT json_agg(json_build_array("Tape"."runId", "sessionId", "closed", coalesce("seq", 0), "hash"))::text
    FROM "Tape" LEFT JOIN "Event" ON "Event"."runId" = "Tape"."runId"
      AND "seq" = (SELECT max("seq") FROM "Event" WHERE "runId" = "Tape"."runId")
    WHERE "Tape"."runId" IN (SELECT jsonb_array_elements_text($1::jsonb))`,
};

/** Tapes have no holes: what stands behind the newest seq less a count is that many events. */
const endsSql = (() => {
  const ends = (runIds: string, count: string) => `
    SELECT "Event"."runId" AS "run", ${columns} FROM (${runIds}) AS asked JOIN "Event" ON "Event"."runId" = asked."id"
    WHERE "seq" > (SELECT max("seq") FROM "Event" WHERE "runId" = asked."id") - ${count} ORDER BY "run", "seq"`;
  return {
    sqlite: `SELECT json_group_array(json_array("run", json_array(${columns})))
      FROM (${ends('SELECT value AS "id" FROM json_each(?)', '?')})`,
    postgresql: `SELECT json_agg(json_build_array("run", json_build_array(${columns})))::text
      FROM (${ends('SELECT jsonb_array_elements_text($1::jsonb) AS "id"', '$2::int')}) AS ends`,
  };
})();

function manySql(types: readonly EventType[]) {
  const many = (tapes: string) => `
    SELECT "Event"."runId" AS "run", ${columns} FROM (${tapes}) AS asked JOIN "Event" ON "Event"."runId" = asked."id"
    WHERE "seq" <= asked."upTo"${typed(types)} ORDER BY "run", "seq"`;
  return {
    sqlite: `SELECT json_group_array(json_array("run", json_array(${columns}))) FROM (${many(
      `SELECT value ->> 'runId' AS "id", value ->> 'upTo' AS "upTo" FROM json_each(?)`,
    )})`,
    postgresql: `SELECT json_agg(json_build_array("run", json_build_array(${columns})))::text FROM (${many(
      `SELECT "runId" AS "id", "upTo" FROM jsonb_to_recordset($1::jsonb) AS tape("runId" text, "upTo" bigint)`,
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

  async function heads(runIds: string[]): Promise<Map<string, TapeHead>> {
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
      const rows = await queryJson<[string, unknown]>(database, manySql(types), JSON.stringify(tapes));
      const found = new Map<string, RecordedEvent[]>(tapes.map(({ runId }) => [runId, []]));
      for (const [runId, row] of rows) found.get(runId)?.push(decode(decodeColumns(runId, row)));
      return found;
    },
    async readEnds(runIds, count) {
      const rows = await queryJson<[string, unknown]>(database, endsSql, JSON.stringify([...new Set(runIds)]), count);
      const found = new Map<string, RecordedEvent[]>(runIds.map((runId) => [runId, []]));
      for (const [runId, row] of rows) found.get(runId)?.push(decode(decodeColumns(runId, row)));
      return found;
    },
    readStored: (runId, after, limit) => page('ASC', runId, { low: after, high: Number.MAX_SAFE_INTEGER, limit }),
    ends: heads,
    async head(runId) {
      return (await heads([runId])).get(runId) ?? null;
    },
  };
}
