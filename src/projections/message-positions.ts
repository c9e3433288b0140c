import type { Database } from '../database/database.ts';
import { type JsonSql, queryJson } from '../database/json-query.ts';
import { columnDefinitions } from '../database/statement.ts';
import type { PageArguments } from '../domain/page.ts';

/** The runs of one session, or a part of their tapes, that a conversation consists of. */
export interface ConversationPart {
  sessionId: string;
  /** Of an ancestor: the last turn that a branch sees. Null for all runs, also those that have not started. */
  upToTurn: number | null;
  /** The last event that a branch sees of the run at which it begins; null if it sees all of the runs. */
  cut: TapeBound | null;
  /** Exclusive; null for no bound. */
  after: TapeBound | null;
  before: TapeBound | null;
}

export interface TapeBound {
  runId: string;
  seq: number;
}

/** `after` and `before` are applied to the parts already. */
export interface ConversationPage extends PageArguments<TapeBound> {
  /** Oldest first. */
  parts: readonly ConversationPart[];
}

/** Where a message is on its tape. */
export type MessagePosition =
  | { kind: 'input' | 'output'; runId: string; seq: number }
  /** The unfinished answer at the end of a tape: its text is in the deltas after `start`, up to `seq`. */
  | { kind: 'unfinished'; runId: string; seq: number; start: number; isRunOpen: boolean };

/** Greater than the id of any run in every collation. */
const AFTER_ALL_RUNS = 'runz';

const columns = {
  page: 'int',
  part: 'int',
  sessionId: 'text',
  upToTurn: 'int',
  cutRunId: 'text',
  cutSeq: 'int',
  afterRunId: 'text',
  afterSeq: 'int',
  beforeRunId: 'text',
  beforeSeq: 'int',
} as const;

/** The type of the run's newest event that begins, extends or ends an answer. */
const newestTypeOfAnswer = `(SELECT answer."type" FROM "Event" AS answer
  WHERE answer."runId" = "Run"."id" AND answer."type" IN ('context', 'output', 'output_delta', 'resumption')
  ORDER BY answer."seq" DESC LIMIT 1)`;

/** Whether the event is the newest of a tape that ends with an unfinished answer. The state saves most runs the other conditions. */
const endsUnfinished = `("Run"."state" <> 'DONE'
  AND "Event"."seq" = (SELECT max(newest."seq") FROM "Event" AS newest WHERE newest."runId" = "Run"."id")
  AND ${newestTypeOfAnswer} = 'output_delta')`;

const startOfAnswer = `(SELECT max(start."seq") FROM "Event" AS start
  WHERE start."runId" = "Run"."id" AND start."type" IN ('context', 'output', 'resumption'))`;

/** Which pages of a batch have bounds. Without them Postgres would look for the runs of a session by their ids. */
interface Bounds {
  after: boolean;
  before: boolean;
}

/** The positions of one part, in order. Reads no payload, and not more of the tapes than the page needs. */
const positionsOfPart = (order: 'ASC' | 'DESC', limit: number, { after, before }: Bounds) => `
  SELECT "Event"."runId" AS "run", "Event"."seq" AS "seq", "Event"."type" AS "type", "Run"."endedAt" IS NULL AS "open",
    CASE WHEN ${endsUnfinished} THEN ${startOfAnswer} END AS "start"
  FROM "Run" JOIN "Event" ON "Event"."runId" = "Run"."id"
  WHERE "Run"."sessionId" = part."sessionId" AND (part."upToTurn" IS NULL OR "Run"."turn" <= part."upToTurn")
    ${after ? `AND "Run"."id" >= part."afterRunId" AND ("Run"."id" <> part."afterRunId" OR "Event"."seq" > part."afterSeq")` : ''}
    ${before ? `AND "Run"."id" <= part."beforeRunId" AND ("Run"."id" <> part."beforeRunId" OR "Event"."seq" < part."beforeSeq")` : ''}
    AND (part."cutRunId" IS NULL OR "Run"."id" <> part."cutRunId" OR "Event"."seq" <= part."cutSeq")
    AND ("Event"."type" IN ('input', 'output') OR ${endsUnfinished})
  ORDER BY "Run"."id" ${order}, "Event"."seq" ${order} LIMIT ${limit}`;

function positionsSql(order: 'ASC' | 'DESC', limit: number, bounds: Bounds): JsonSql {
  const names = Object.keys(columns);
  const position = '"run", "seq", "type", "open", "start"';
  const ofParts = (array: string, table: string) =>
    `SELECT part."page" AS "page", part."part" AS "part",
      (SELECT ${array} FROM (${positionsOfPart(order, limit, bounds)}) AS position) AS "positions" FROM ${table}`;
  return {
    sqlite: `SELECT json_group_array(json_array("page", "part", json("positions"))) FROM (${ofParts(
      `json_group_array(json_array(${position}))`,
      `(SELECT ${names.map((name) => `value ->> '${name}' AS "${name}"`).join(', ')} FROM json_each(?)) AS part`,
    )})`,
    postgresql: `SELECT json_agg(json_build_array("page", "part", "positions"))::text FROM (${ofParts(
      `json_agg(json_build_array(${position}))`,
      `jsonb_to_recordset($1::jsonb) AS part(${columnDefinitions(columns)})`,
    )}) AS parts`,
  };
}

type PositionRow = [runId: string, seq: number, type: string, isOpen: boolean | number, start: number | null];
type PartRow = [page: number, part: number, positions: PositionRow[] | null];

/**
 * The positions of the messages of each page, from the requested end and one more than the page holds if there are more. One
 * statement for any number of pages and of parts; all pages must have the same size and end.
 */
export async function messagePositions(
  database: Database,
  { size, from }: Pick<ConversationPage, 'size' | 'from'>,
  pages: readonly Pick<ConversationPage, 'parts'>[],
): Promise<MessagePosition[][]> {
  const parts = pages.flatMap((page, index) => page.parts.map((part, number) => partRow(index, number, part)));
  const ofAllPages = pages.flatMap((page) => page.parts);
  const sql = positionsSql(from === 'start' ? 'ASC' : 'DESC', size + 1, {
    after: ofAllPages.some(({ after }) => after !== null),
    before: ofAllPages.some(({ before }) => before !== null),
  });
  const found = await queryJson<PartRow>(database, sql, JSON.stringify(parts));
  const rows = new Map(found.map(([page, part, positions]) => [`${page}/${part}`, positions ?? []]));
  return pages.map((page, index) => {
    const inOrder = page.parts.map((_, number) => (rows.get(`${index}/${number}`) ?? []).map(positionsOf));
    // A page from the end has its newest part and its newest position first.
    const positions =
      from === 'start'
        ? inOrder.flat(2)
        : inOrder.toReversed().flatMap((part) => part.flatMap((each) => each.toReversed()));
    return positions.slice(0, size + 1);
  });
}

function partRow(page: number, part: number, { sessionId, upToTurn, cut, after, before }: ConversationPart) {
  return {
    page,
    part,
    sessionId,
    upToTurn,
    cutRunId: cut?.runId ?? null,
    cutSeq: cut?.seq ?? null,
    afterRunId: after?.runId ?? '',
    afterSeq: after?.seq ?? 0,
    beforeRunId: before?.runId ?? AFTER_ALL_RUNS,
    beforeSeq: before?.seq ?? 0,
  };
}

/** The newest event of a tape can be a message, sent while the answer was being generated. The answer comes after it. */
function positionsOf([runId, seq, type, isOpen, start]: PositionRow): MessagePosition[] {
  return [
    ...(type === 'input' || type === 'output' ? [{ kind: type, runId, seq } as const] : []),
    ...(start === null ? [] : [{ kind: 'unfinished', runId, seq, start, isRunOpen: Boolean(isOpen) } as const]),
  ];
}
