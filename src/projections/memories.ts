import type { Client, Database } from '../database/database.ts';
import type { Memory } from '../database/generated/sqlite/client.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

/** A memory with its tags read. */
export type MemoryRow = Omit<Memory, 'tags'> & { tags: string[] };

const read = ({ tags, ...memory }: Memory): MemoryRow => ({ ...memory, tags: JSON.parse(tags) });

/** Candidates that are looked through for a search. */
const SEARCHED = 500;
const WORDS = 12;

export interface MemoriesQuery {
  owner: string;
  /** Shows those of this session and those of every session; null for all of the owner's. */
  sessionId: string | null;
  now: Date;
}

const visible = ({ owner, sessionId, now }: MemoriesQuery) => ({
  owner,
  AND: [
    { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    ...(sessionId === null ? [] : [{ OR: [{ sessionId: null }, { sessionId }] }]),
  ],
});

/** Newest first. */
export async function pageMemories(
  reader: Client,
  query: MemoriesQuery,
  page: PageArguments,
): Promise<RowPage<MemoryRow>> {
  const { rows, ...rest } = await keysetPage(page, 'newest-first', ({ where, ...keyset }) =>
    reader.memory.findMany({ where: { ...visible(query), ...where }, ...keyset }),
  );
  return { rows: rows.map(read), ...rest };
}

export interface FoundMemory {
  memory: MemoryRow;
  /** Share of the asked words that were found, above 0 and at most 1. */
  score: number;
}

/** Memories that hold words of the question: those with more of them first, newer ones before older ones. */
export async function searchMemories(
  reader: Client,
  query: MemoriesQuery,
  question: string,
  limit: number,
): Promise<FoundMemory[]> {
  const words = [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])].slice(0, WORDS);
  if (words.length === 0) return [];
  const rows = await reader.memory.findMany({
    where: { ...visible(query), OR: words.map((word) => ({ text: { contains: word } })) },
    orderBy: { id: 'desc' },
    take: SEARCHED,
  });
  return rows
    .map((row) => ({ memory: read(row), score: shareOf(words, row.text) }))
    .sort((left, right) => right.score - left.score)
    .slice(0, limit);
}

function shareOf(words: string[], text: string): number {
  const lower = text.toLowerCase();
  return words.filter((word) => lower.includes(word)).length / words.length;
}

export async function memoriesByIds(reader: Client, owner: string, ids: readonly string[]): Promise<MemoryRow[]> {
  return (await reader.memory.findMany({ where: { id: { in: [...ids] }, owner } })).map(read);
}

export function countMemories(reader: Client, owner: string): Promise<number> {
  return reader.memory.count({ where: { owner } });
}

export interface NewMemory {
  id: string;
  owner: string;
  sessionId: string | null;
  text: string;
  tags: string[];
  createdAt: Date;
  expiresAt: Date | null;
}

export async function saveMemory(database: Database, memory: NewMemory): Promise<MemoryRow> {
  const data = { ...memory, tags: JSON.stringify(memory.tags) };
  return read(await database.write((client) => client.memory.create({ data })));
}

/** Whether there was one of this owner. */
export async function forgetMemory(database: Database, owner: string, id: string): Promise<boolean> {
  const { count } = await database.write((client) => client.memory.deleteMany({ where: { id, owner } }));
  return count > 0;
}
