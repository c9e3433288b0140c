import type { Database } from '../../database/database.ts';
import { queryJson } from '../../database/json-query.ts';
import { numbered } from '../../database/statement.ts';
import type { SearchTerms } from '../../domain/search/search-terms.ts';
import { type IndexKind, ownerToken } from './index-rows.ts';

export interface PassageQuery {
  owner: string;
  kind: IndexKind;
  terms: SearchTerms;
  /** Whether a passage must hold every word, or one of them is enough. */
  match: 'all' | 'any';
  /** More conditions, on the columns of "Passage" and of what `join` joins to it. */
  only: Condition;
  /** So many of those that match are ranked, the newest ones: what a search costs has a bound. */
  ranked: number;
  /** At most so many, the best ones. */
  limit: number;
}

/** A piece of SQL for both stores. Each `?` in it stands for one of the parameters, in their order. */
export interface Condition {
  join: string;
  where: string;
  parameters: (string | number)[];
}

export interface FoundPassage {
  sourceId: string;
  seq: number;
  start: number;
  sessionId: string | null;
  /** Greater is better; comparable within one answer only. */
  relevance: number;
}

const columns = '"Passage"."sourceId", "Passage"."seq", "Passage"."start", "Passage"."sessionId", "relevance"';

/** The engine's own measure: rare words count more than frequent ones, short passages more than long ones. */
const sqliteSql = ({ join, where }: Condition) => `
  SELECT json_group_array(json_array("sourceId", "seq", "start", "sessionId", "relevance")) FROM (
    SELECT ${columns}
    FROM (
      SELECT "rowid", -bm25("Passage_words") AS "relevance" FROM "Passage_words" WHERE "Passage_words" MATCH ?
      ORDER BY "rowid" DESC LIMIT ?
    ) AS hit
    JOIN "Passage" ON "Passage"."id" = hit."rowid" ${join}
    WHERE ${where} ORDER BY "relevance" DESC, "Passage"."sourceId" DESC LIMIT ?
  )`;

/** Beyond so many passages a word is frequent, however many there are. */
const COUNTED = 10_000;
const countOf = (query: string) =>
  `(SELECT count(*) FROM (SELECT FROM "Passage_words" WHERE "vector" @@ ${query} LIMIT ${COUNTED}) AS counted)`;

/** The same idea: the engine's ranks know nothing of rare and frequent, so each word is weighed by what it is found in. */
const postgresSql = ({ join, where }: Condition) =>
  numbered(`
  WITH owned AS MATERIALIZED (SELECT ${countOf('?::tsquery')}::float8 AS "passages"),
  asked AS MATERIALIZED (
    SELECT "word", ln(1 + "passages" / (1 + ${countOf('("mark" && "word")')})) AS "weight"
    FROM owned, (SELECT ?::tsquery AS "mark", jsonb_array_elements_text(?::jsonb)::tsquery AS "word") AS each
  )
  SELECT json_agg(json_build_array("sourceId", "seq", "start", "sessionId", "relevance"))::text FROM (
    SELECT ${columns}
    FROM (
      SELECT "id", (SELECT sum("weight" * ts_rank("vector", "word", 1)) FROM asked) AS "relevance"
      FROM (SELECT "id", "vector" FROM "Passage_words" WHERE "vector" @@ ?::tsquery ORDER BY "id" DESC LIMIT ?) AS newest
    ) AS hit JOIN "Passage" ON "Passage"."id" = hit."id" ${join}
    WHERE ${where} ORDER BY "relevance" DESC, "Passage"."sourceId" COLLATE "C" DESC LIMIT ?
  ) AS found`);

/** The passages of one owner that hold words of a question, the best first. Takes any words. */
export async function findPassages(database: Database, query: PassageQuery): Promise<FoundPassage[]> {
  const { only, ranked, limit } = query;
  const match = matchOf(query);
  const parameters =
    database.provider === 'sqlite'
      ? [match.sqlite, ranked, ...only.parameters, limit]
      : [match.mark, match.mark, JSON.stringify(match.words), match.postgresql, ranked, ...only.parameters, limit];
  const rows = await queryJson<[string, number, number, string | null, number]>(
    database,
    { sqlite: sqliteSql(only), postgresql: postgresSql(only) },
    ...parameters,
  );
  return rows.map(([sourceId, seq, start, sessionId, relevance]) => ({ sourceId, seq, start, sessionId, relevance }));
}

/** Words are letters and digits alone, so that quotes make them safe in either language. */
function matchOf({ owner, kind: shelf, terms: question, match }: PassageQuery) {
  const mark = ownerToken(shelf, owner);
  const isLast = (index: number) => question.prefix && index === question.words.length - 1;
  const sqlite = question.words.map((word, index) => `"${word}"${isLast(index) ? ' *' : ''}`);
  const postgresql = question.words.map((word, index) => `'${word}'${isLast(index) ? ':*' : ''}`);
  return {
    mark: `'${mark}'`,
    words: postgresql,
    sqlite: `"${mark}" AND (${sqlite.join(match === 'all' ? ' AND ' : ' OR ')})`,
    postgresql: `'${mark}' & (${postgresql.join(match === 'all' ? ' & ' : ' | ')})`,
  };
}
