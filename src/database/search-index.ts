import { batchWriter, type RowWriter } from './batch-statement.ts';
import type { Database } from './database.ts';
import { queryJson } from './json-query.ts';
import { numbered } from './statement.ts';
import { deleteRows } from './table.ts';

/** What the index holds: texts and titles of sessions, and memories. A search finds one kind only. */
export type IndexKind = 'conversation' | 'memory';

/** Private-use characters, which no searched word contains. They begin the first word of every passage: its owner token. */
const tokenPrefixes: Readonly<Record<IndexKind, number>> = { conversation: 0xe000, memory: 0xe001 };

/** The word that limits a search to one kind and one owner. */
/** The word that stands for an owner in the index. */
export function ownerToken(kind: IndexKind, owner: string): string {
  return String.fromCharCode(tokenPrefixes[kind]) + Buffer.from(owner).toString('hex');
}

function ownerTokenSql(dialect: 'sqlite' | 'postgresql', kind: IndexKind, owner: string): string {
  return dialect === 'sqlite'
    ? `char(${tokenPrefixes[kind]}) || lower(hex(${owner}))`
    : `chr(${tokenPrefixes[kind]}) || encode(convert_to(${owner}, 'UTF8'), 'hex')`;
}

/** A part of a text, and where the text is. */
export interface IndexedPassage {
  /** The run, session or memory that has the text. */
  sourceId: string;
  /** The event that has the text; 0 if no event does. */
  seq: number;
  /** 0, 1, 2, … within the text. */
  part: number;
  /** Where the part starts in the text, in UTF-16 units. */
  start: number;
  /** The words in searchable form, separated by blanks. */
  words: string;
  /** The row that has the owner. */
  holderId: string;
  /** The value that the `unchangedColumn` of that row must have. */
  expected?: string;
}

interface PassageInsert {
  order: number;
  kind: IndexKind;
  /** The table that has the owner, which is `holder` in the expressions below. */
  holder: string;
  /** Expression for the session of the passage, or NULL. */
  sessionId: string;
  /** A column of the holder. Passages whose `expected` value it no longer has are not written. */
  unchangedColumn?: string;
}

/** Defines the statement that adds passages to the index, or replaces those of the same source, seq and part. */
export function insertPassages({
  order,
  kind,
  holder,
  sessionId,
  unchangedColumn,
}: PassageInsert): RowWriter<IndexedPassage> {
  return batchWriter<IndexedPassage>(
    {
      order,
      distinct: ['sourceId', 'seq', 'part'],
      columns: {
        sourceId: 'text',
        seq: 'int',
        part: 'int',
        start: 'int',
        words: 'text',
        holderId: 'text',
        expected: 'text',
      },
    },
    ({ dialect, rows, value }) => `
      INSERT INTO "Passage" ("sourceId", "seq", "part", "start", "sessionId", "words")
      SELECT ${['sourceId', 'seq', 'part', 'start'].map(value).join(', ')}, ${sessionId},
        ${ownerTokenSql(dialect, kind, 'holder."owner"')} || ' ' || ${value('words')}
      FROM ${rows} JOIN "${holder}" AS holder ON holder."id" = ${value('holderId')}
      WHERE ${unchangedColumn === undefined ? 'true' : `holder."${unchangedColumn}" = ${value('expected')}`}
      ON CONFLICT ("sourceId", "seq", "part") DO UPDATE SET "start" = excluded."start", "words" = excluded."words"`,
  );
}

/** Removes all passages of a run, a session's title or a memory from the index. */
export const deletePassages = deleteRows('Passage', 'sourceId', 2);

/** Empties the index. SQLite reads the index when it deletes, so a damaged one is rebuilt first. */
export async function clearSearchIndex({ provider, write }: Database): Promise<void> {
  const repair = `INSERT INTO "Passage_words" ("Passage_words") VALUES ('rebuild')`;
  const statements = [...(provider === 'sqlite' ? [repair] : []), 'DELETE FROM "Passage"'];
  await write((client) => client.$transaction(statements.map((statement) => client.$executeRawUnsafe(statement))));
}

export interface PassageQuery {
  owner: string;
  kind: IndexKind;
  /** Words in searchable form, each once: letters and digits only. */
  words: readonly string[];
  /** Whether the last word may be the beginning of a word. */
  prefix: boolean;
  /** Whether a passage must contain all words, or at least one. */
  match: 'all' | 'any';
  /** Further conditions, on the columns of "Passage" and of the tables that `join` adds. */
  filter: PassageFilter;
  /** How many of the matching passages are ranked, newest first: the bound of what a search costs. */
  rankedLimit: number;
  /** How many of the ranked passages are returned at most, best first. */
  limit: number;
}

/** SQL for both databases. Each `?` stands for one of the parameters, in their order. */
export interface PassageFilter {
  join: string;
  where: string;
  parameters: (string | number)[];
}

export interface FoundPassage {
  sourceId: string;
  seq: number;
  start: number;
  sessionId: string | null;
  /** Higher is better; only comparable within one result. */
  relevance: number;
}

const columns = '"Passage"."sourceId", "Passage"."seq", "Passage"."start", "Passage"."sessionId", "relevance"';

/** Ranks with BM25: rare words count more than frequent ones, short passages more than long ones. */
const sqliteSql = ({ join, where }: PassageFilter) => `
  SELECT json_group_array(json_array("sourceId", "seq", "start", "sessionId", "relevance")) FROM (
    SELECT ${columns}
    FROM (
      SELECT "rowid", -bm25("Passage_words") AS "relevance" FROM "Passage_words" WHERE "Passage_words" MATCH ?
      ORDER BY "rowid" DESC LIMIT ?
    ) AS hit
    JOIN "Passage" ON "Passage"."id" = hit."rowid" ${join}
    WHERE ${where} ORDER BY "relevance" DESC, "Passage"."sourceId" DESC LIMIT ?
  )`;

/** The most passages that are counted for a word: a word in more of them is frequent in any case. */
const MAX_COUNTED_PASSAGES = 10_000;
const countOf = (query: string) =>
  `(SELECT count(*) FROM (SELECT FROM "Passage_words" WHERE "vector" @@ ${query} LIMIT ${MAX_COUNTED_PASSAGES}) AS counted)`;

/** Approximates BM25: the ranks of Postgres ignore how rare a word is, so each word's rank is weighted by that. */
const postgresSql = ({ join, where }: PassageFilter) =>
  numbered(`
  WITH owned AS MATERIALIZED (SELECT ${countOf('?::tsquery')}::float8 AS "passages"),
  weighted AS MATERIALIZED (
    SELECT "word", ln(1 + "passages" / (1 + ${countOf('("token" && "word")')})) AS "weight"
    FROM owned, (SELECT ?::tsquery AS "token", jsonb_array_elements_text(?::jsonb)::tsquery AS "word") AS each
  )
  SELECT json_agg(json_build_array("sourceId", "seq", "start", "sessionId", "relevance"))::text FROM (
    SELECT ${columns}
    FROM (
      SELECT "id", (SELECT sum("weight" * ts_rank("vector", "word", 1)) FROM weighted) AS "relevance"
      FROM (SELECT "id", "vector" FROM "Passage_words" WHERE "vector" @@ ?::tsquery ORDER BY "id" DESC LIMIT ?) AS newest
    ) AS hit JOIN "Passage" ON "Passage"."id" = hit."id" ${join}
    WHERE ${where} ORDER BY "relevance" DESC, "Passage"."sourceId" COLLATE "C" DESC LIMIT ?
  ) AS found`);

/** Returns the passages of one owner that contain the words, best first. */
export async function findPassages(database: Database, query: PassageQuery): Promise<FoundPassage[]> {
  const { filter, rankedLimit, limit } = query;
  const match = matchExpressions(query);
  const parameters =
    database.provider === 'sqlite'
      ? [match.sqlite, rankedLimit, ...filter.parameters, limit]
      : [
          match.token,
          match.token,
          JSON.stringify(match.words),
          match.postgresql,
          rankedLimit,
          ...filter.parameters,
          limit,
        ];
  const rows = await queryJson<[string, number, number, string | null, number]>(
    database,
    { sqlite: sqliteSql(filter), postgresql: postgresSql(filter), scansRowsOf: query.owner },
    ...parameters,
  );
  return rows.map(([sourceId, seq, start, sessionId, relevance]) => ({ sourceId, seq, start, sessionId, relevance }));
}

/** Words are letters and digits only, so quotes are enough to make them literals of either query language. */
function matchExpressions({ owner, kind, words, prefix, match }: PassageQuery) {
  const token = ownerToken(kind, owner);
  const isPrefix = (index: number) => prefix && index === words.length - 1;
  const sqlite = words.map((word, index) => `"${word}"${isPrefix(index) ? ' *' : ''}`);
  const postgresql = words.map((word, index) => `'${word}'${isPrefix(index) ? ':*' : ''}`);
  return {
    token: `'${token}'`,
    words: postgresql,
    sqlite: `"${token}" AND (${sqlite.join(match === 'all' ? ' AND ' : ' OR ')})`,
    postgresql: `'${token}' & (${postgresql.join(match === 'all' ? ' & ' : ' | ')})`,
  };
}
