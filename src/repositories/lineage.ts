import type { Client, Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import type { Generation } from '../domain/session.ts';

const line = (sessionId: string) => `
  WITH RECURSIVE line("id", "parentId", "turn", "runId", "seq", "depth") AS (
    SELECT "id", "parentId", "branchTurn", "branchRunId", "branchSeq", 0 FROM "Session" WHERE "id" = ${sessionId}
    UNION ALL
    SELECT parent."id", parent."parentId", parent."branchTurn", parent."branchRunId", parent."branchSeq", line."depth" + 1
      FROM line JOIN "Session" AS parent ON parent."id" = line."parentId"
  )
  SELECT "id", "turn", "runId", "seq" FROM line ORDER BY "depth"`;

const lineSql = {
  sqlite: `SELECT json_group_array(json_array("id", "turn", "runId", "seq")) FROM (${line('?')})`,
  postgresql: `SELECT json_agg(json_build_array("id", "turn", "runId", "seq"))::text FROM (${line('$1')}) AS line`,
};

type LineRow = [id: string, turn: number | null, runId: string | null, seq: number | null];

/** The session, its parent, its grandparent, …: one statement for any number of generations. */
export async function lineageOf(database: Database, sessionId: string): Promise<Generation[]> {
  const rows = await queryJson<LineRow>(database, lineSql, sessionId);
  return rows.map(([id, turn, runId, seq]) => ({
    id,
    branch: turn === null || runId === null || seq === null ? null : { turn, runId, seq },
  }));
}

const descendants = (sessionId: string) => `
  WITH RECURSIVE tree("id", "depth") AS (
    SELECT "id", 1 FROM "Session" WHERE "parentId" = ${sessionId}
    UNION ALL
    SELECT child."id", tree."depth" + 1 FROM tree JOIN "Session" AS child ON child."parentId" = tree."id"
  )
  SELECT "id" FROM tree ORDER BY "depth" DESC, "id"`;

const descendantsSql = { sqlite: descendants('?'), postgresql: descendants('$1') };

/** Ids of the session's branches, of their branches, and so on, as a transaction sees them; youngest generation first. */
export async function descendantsOf(
  { provider }: Pick<Database, 'provider'>,
  transaction: Pick<Client, '$queryRawUnsafe'>,
  sessionId: string,
): Promise<string[]> {
  const rows = await transaction.$queryRawUnsafe<{ id: string }[]>(descendantsSql[provider], sessionId);
  return rows.map(({ id }) => id);
}
