import { databaseTime } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { queryJson } from '../database/json-query.ts';
import { numbered } from '../database/statement.ts';
import { type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import { statusesIn } from '../domain/wait.ts';
import type { WaitPosition, WaitRow, WaitsFilter } from './waits.ts';

type SessionWaitsFilter = Omit<WaitsFilter, 'sessionId'>;

/**
 * The same page of waits of each session, newest first, with two statements for any number of sessions. Does not check access: the
 * sessions must be ones that the viewer may see.
 */
export async function waitsOfSessions(
  database: Database,
  sessionIds: readonly string[],
  filter: SessionWaitsFilter,
  page: PageArguments<WaitPosition>,
): Promise<RowPage<WaitRow>[]> {
  const { conditions, parameters } = conditionsOf(filter, page);
  const order = page.from === 'start' ? 'DESC' : 'ASC';
  const idsOf = (array: string) => `(SELECT ${array} FROM (SELECT "id" FROM "Wait"
    WHERE "sessionId" = requested."id"${conditions} ORDER BY "requestedAt" ${order}, "id" ${order} LIMIT ${page.size + 1}) AS page)`;
  const found = await queryJson<[sessionId: string, ids: string[] | null]>(
    database,
    {
      sqlite: `SELECT json_group_array(json_array("id", json(${idsOf('json_group_array("id")')})))
        FROM (SELECT value AS "id" FROM json_each(?)) AS requested`,
      postgresql: numbered(`SELECT json_agg(json_build_array("id", ${idsOf('json_agg("id")')}))::text
        FROM (SELECT jsonb_array_elements_text(?::jsonb) AS "id") AS requested`),
    },
    ...parameters,
    JSON.stringify(sessionIds),
  );
  const rows = await database.reader.wait.findMany({ where: { id: { in: found.flatMap(([, each]) => each ?? []) } } });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const idsBySession = new Map(found);
  return sessionIds.map((sessionId) => {
    const ids = idsBySession.get(sessionId) ?? [];
    return pageOf(
      ids.flatMap((id) => byId.get(id) ?? []),
      page,
    );
  });
}

/** Conditions that follow another one, and their parameters in order. The names of kinds and statuses are constants. */
function conditionsOf({ kinds, states, runId }: SessionWaitsFilter, page: PageArguments<WaitPosition>) {
  const parameters: string[] = [];
  let conditions = '';
  if (kinds) conditions += ` AND "kind" IN (${listOf(kinds)})`;
  if (states) conditions += ` AND "status" IN (${listOf(statusesIn(states))})`;
  if (runId !== undefined) {
    conditions += ' AND "runId" = ?';
    parameters.push(runId);
  }
  const bounds = [
    ['>', page.before],
    ['<', page.after],
  ] as const;
  for (const [comparison, bound] of bounds) {
    if (bound === null) continue;
    conditions += ` AND ("requestedAt", "id") ${comparison} (?, ?)`;
    parameters.push(databaseTime(bound.requestedAt), bound.id);
  }
  return { conditions, parameters };
}

/** NULL matches nothing. It keeps an empty list valid. */
const listOf = (names: readonly string[]) => ['NULL', ...names.map((name) => `'${name}'`)].join(', ');
