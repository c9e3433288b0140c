import { databaseTime, executeWrites, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Memory } from '../database/generated/sqlite/client.ts';
import { lockName } from '../database/locks.ts';
import { deletePassages, findPassages, insertPassages } from '../database/search-index.ts';
import { keyed, statement } from '../database/statement.ts';
import { defineTable, deleteRows } from '../database/table.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { Refusal } from '../domain/refusal.ts';
import { passagesOf } from '../domain/search/passages.ts';
import { withRecency } from '../domain/search/ranking.ts';
import { isSameFact } from '../domain/search/same-fact.ts';
import { type SearchTerms, searchTerms } from '../domain/search/search-terms.ts';

const memories = defineTable<Memory>('Memory', {
  id: 'text',
  owner: 'text',
  sessionId: 'text',
  text: 'text',
  tags: 'text',
  createdAt: 'timestamp',
  updatedAt: 'timestamp',
  expiresAt: 'timestamp',
});

/** A memory that is stored again keeps its id, its session and its time of creation. */
const saveRow = memories.insert({
  order: 75,
  replace: { key: ['id'], fixed: ['owner', 'sessionId', 'createdAt'] },
});

/** The vector of the previous text. */
const deleteVector = deleteRows('Embedding', 'memoryId', 76);

const insertMemoryPassage = insertPassages({
  order: 82,
  kind: 'memory',
  holder: 'Memory',
  sessionId: 'holder."sessionId"',
});

/** A memory with its tags parsed. */
export type MemoryRow = Omit<Memory, 'tags'> & { tags: string[] };

const readMemory = ({ tags, ...memory }: Memory): MemoryRow => ({ ...memory, tags: JSON.parse(tags) });

/** Most passages that a search ranks: enough for all short memories that an owner may have. */
const RANKED_PASSAGES = 10_000;
/** Most passages that a search considers, best first. */
const FOUND_PASSAGES = 100;
/** Most memories that a new one is compared with: a plural hides one of their common words from the search. */
const COMPARED_MEMORIES = 30;

export interface MemoriesQuery {
  owner: string;
  /** Memories of this session and those without a session; null for all of the owner's. */
  sessionId: string | null;
  now: Date;
}

/** The memories that a query may return. */
export const visibleMemory = ({ owner, sessionId, now }: MemoriesQuery) => ({
  owner,
  AND: [
    { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    ...(sessionId === null ? [] : [{ OR: [{ sessionId: null }, { sessionId }] }]),
  ],
});

/** The same condition as SQL. */
const visibleSql = ({ owner, sessionId, now }: MemoriesQuery) => ({
  where: `"Memory"."owner" = ? AND ("Memory"."expiresAt" IS NULL OR "Memory"."expiresAt" > ?)${
    sessionId === null ? '' : ' AND ("Memory"."sessionId" IS NULL OR "Memory"."sessionId" = ?)'
  }`,
  parameters: [owner, databaseTime(now), ...(sessionId === null ? [] : [sessionId])],
});

/** Newest first. */
export async function pageMemories(
  reader: Client,
  query: MemoriesQuery,
  page: PageArguments,
): Promise<RowPage<MemoryRow>> {
  const { where, ...keyset } = keysetQuery(page, 'newest-first');
  const { rows, ...rest } = pageOf(
    await reader.memory.findMany({ where: { ...visibleMemory(query), ...where }, ...keyset }),
    page,
  );
  return { rows: rows.map(readMemory), ...rest };
}

export interface FoundMemory {
  memory: MemoryRow;
  /** Above 0 and at most 1, the score of the best match. */
  score: number;
}

const anyMemory = keyed(
  statement<{ id: string }>({ id: 'text' }, () => `SELECT "id" FROM "Memory" WHERE "owner" = ? LIMIT 1`),
);

/** Checked before each search: every step of every run searches, and most owners have no memories. */
async function hasMemories(database: Database, owner: string): Promise<boolean> {
  return (await database.query(anyMemory, owner)).length > 0;
}

/** Finds memories that contain words of the query, best first: rare words count more, and recency decides between equals. */
export async function searchMemories(
  database: Database,
  query: MemoriesQuery,
  text: string,
  limit: number,
): Promise<FoundMemory[]> {
  const terms = searchTerms(text);
  if (terms === null || !(await hasMemories(database, query.owner))) return [];
  const relevances = await relevanceByMemory(database, query, terms);
  const matches = (await visibleMemories(database.reader, query, [...relevances.keys()])).map((memory) => ({
    memory,
    score: withRecency(relevances.get(memory.id) ?? 0, query.now.getTime() - memory.updatedAt.getTime()),
  }));
  const ranked = matches.sort((left, right) => right.score - left.score || (left.memory.id < right.memory.id ? 1 : -1));
  const best = ranked[0]?.score ?? 1;
  return ranked.slice(0, limit).map(({ memory, score }) => ({ memory, score: score / best }));
}

async function relevanceByMemory(
  database: Database,
  query: MemoriesQuery,
  { words, prefix }: SearchTerms,
): Promise<Map<string, number>> {
  const passages = await findPassages(database, {
    owner: query.owner,
    kind: 'memory',
    words,
    prefix,
    match: 'any',
    rankedLimit: RANKED_PASSAGES,
    limit: FOUND_PASSAGES,
    filter: { join: 'JOIN "Memory" ON "Memory"."id" = "Passage"."sourceId"', ...visibleSql(query) },
  });
  // Passages come best first, so a long memory counts as much as its best part.
  const best = new Map<string, number>();
  for (const { sourceId, relevance } of passages) if (!best.has(sourceId)) best.set(sourceId, relevance);
  return best;
}

/**
 * Finds the memory with the same `sessionId` that states the same fact; null if there is none.
 *
 * @param exceptId a memory that does not count
 */
export async function sameMemory(
  database: Database,
  query: MemoriesQuery,
  text: string,
  exceptId?: string,
): Promise<MemoryRow | null> {
  const terms = searchTerms(text);
  if (terms === null) return null;
  const exact = { ...terms, prefix: false };
  const candidates = [...(await relevanceByMemory(database, query, exact)).keys()].slice(0, COMPARED_MEMORIES);
  const similar = await visibleMemories(database.reader, query, candidates);
  const isSame = (memory: MemoryRow) =>
    memory.id !== exceptId && memory.sessionId === query.sessionId && isSameFact(memory.text, text);
  return similar.find(isSame) ?? null;
}

/** The memories with these ids that the query may return, in no particular order. */
export async function visibleMemories(
  reader: Client,
  query: MemoriesQuery,
  ids: readonly string[],
): Promise<MemoryRow[]> {
  if (ids.length === 0) return [];
  return (await reader.memory.findMany({ where: { id: { in: [...ids] }, ...visibleMemory(query) } })).map(readMemory);
}

export async function memoriesByIds(reader: Client, owner: string, ids: readonly string[]): Promise<MemoryRow[]> {
  return (await reader.memory.findMany({ where: { id: { in: [...ids] }, owner } })).map(readMemory);
}

export function countMemories(reader: Client, owner: string): Promise<number> {
  return reader.memory.count({ where: { owner } });
}

/**
 * Stores the memory that `decide` returns and indexes it. No other server stores a memory of this owner meanwhile, so what
 * `decide` reads stays true. `decide` is called again if the transaction is retried. Resolves when the memory is durable.
 *
 * @param rowsWith further rows of the same transaction
 */
export function saveMemory(
  database: Database,
  owner: string,
  decide: () => Promise<MemoryRow | Refusal>,
  rowsWith: (memory: MemoryRow) => readonly RowWrite[],
): Promise<MemoryRow | Refusal> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await lockName(database, transaction, `memories of ${owner}`);
      const memory = await decide();
      if ('kind' in memory) return memory;
      await executeWrites(transaction, database.provider, [...rowsOf(memory), ...rowsWith(memory)]);
      return memory;
    }),
  );
}

function rowsOf(memory: MemoryRow): RowWrite[] {
  return [
    saveRow({ ...memory, tags: JSON.stringify(memory.tags) }),
    deleteVector(memory.id),
    ...memoryPassages(memory),
  ];
}

/** Replaces the indexed passages of a memory by those of its text and tags. */
export function memoryPassages({ id, text, tags }: Pick<MemoryRow, 'id' | 'text' | 'tags'>): RowWrite[] {
  const source = { sourceId: id, seq: 0, holderId: id };
  return [
    deletePassages(id),
    ...passagesOf([text, ...tags].join('\n')).map((passage) => insertMemoryPassage({ ...source, ...passage })),
  ];
}

/** Returns false if the owner has no such memory. */
export function forgetMemory(database: Database, owner: string, id: string): Promise<boolean> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const { count } = await transaction.memory.deleteMany({ where: { id, owner } });
      if (count > 0) await transaction.passage.deleteMany({ where: { sourceId: id } });
      return count > 0;
    }),
  );
}

/** Memories that are deleted in one transaction. */
const DELETED_AT_A_TIME = 200;

/** Deletes expired memories. Returns their number. */
export async function dropExpiredMemories(database: Database, now: Date): Promise<number> {
  for (let deleted = 0; ; ) {
    const expired = await database.reader.memory.findMany({
      where: { expiresAt: { lte: now } },
      orderBy: { expiresAt: 'asc' },
      take: DELETED_AT_A_TIME,
      select: { id: true },
    });
    const ids = expired.map(({ id }) => id);
    if (ids.length === 0) return deleted;
    deleted += await database.write((client) =>
      client.$transaction(async (transaction) => {
        // A memory that was stored again meanwhile has a later expiry and is kept.
        const { count } = await transaction.memory.deleteMany({ where: { id: { in: ids }, expiresAt: { lte: now } } });
        const kept = await transaction.memory.findMany({ where: { id: { in: ids } }, select: { id: true } });
        const sourceId = { in: ids, notIn: kept.map(({ id }) => id) };
        await transaction.passage.deleteMany({ where: { sourceId } });
        return count;
      }),
    );
  }
}
