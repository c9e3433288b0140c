import type { Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import type { Generation } from '../domain/session/lineage.ts';

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

type Row = [id: string, turn: number | null, runId: string | null, seq: number | null];

/** The session, its parent, its grandparent, …, in one statement however many there are. */
export async function lineageOf(database: Database, sessionId: string): Promise<Generation[]> {
  const rows = await queryJson<Row>(database, lineSql, sessionId);
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

/** Statements that give the ids of all branches, and of theirs, the youngest generation first. */
export const descendantsSql = { sqlite: descendants('?'), postgresql: descendants('$1') };
