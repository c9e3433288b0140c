import type { Client, Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import type { Generation } from '../domain/session.ts';

const lines = (sessionIds: string) => `
  WITH RECURSIVE line("of", "id", "parentId", "turn", "runId", "seq", "depth") AS (
    SELECT "id", "id", "parentId", "branchTurn", "branchRunId", "branchSeq", 0 FROM "Session" WHERE "id" IN (${sessionIds})
    UNION ALL
    SELECT line."of", parent."id", parent."parentId", parent."branchTurn", parent."branchRunId", parent."branchSeq", line."depth" + 1
      FROM line JOIN "Session" AS parent ON parent."id" = line."parentId"
  )
  SELECT "of", "id", "turn", "runId", "seq" FROM line ORDER BY "of", "depth"`;

const linesSql = {
  sqlite: `SELECT json_group_array(json_array("of", "id", "turn", "runId", "seq"))
    FROM (${lines('SELECT value FROM json_each(?)')})`,
  postgresql: `SELECT json_agg(json_build_array("of", "id", "turn", "runId", "seq"))::text
    FROM (${lines('SELECT jsonb_array_elements_text($1::jsonb)')}) AS line`,
};

type LineRow = [of: string, id: string, turn: number | null, runId: string | null, seq: number | null];

/** Each session, its parent, its grandparent, …: one statement for any number of sessions and generations. */
export async function lineagesOf(
  database: Database,
  sessionIds: readonly string[],
): Promise<Map<string, Generation[]>> {
  const lineages = new Map<string, Generation[]>();
  for (const [of, id, turn, runId, seq] of await queryJson<LineRow>(database, linesSql, JSON.stringify(sessionIds))) {
    const branch = turn === null || runId === null || seq === null ? null : { turn, runId, seq };
    const generations = lineages.get(of);
    if (generations) generations.push({ id, branch });
    else lineages.set(of, [{ id, branch }]);
  }
  return lineages;
}

export async function lineageOf(database: Database, sessionId: string): Promise<Generation[]> {
  return (await lineagesOf(database, [sessionId])).get(sessionId) ?? [];
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
