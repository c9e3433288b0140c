import { wordsOf } from './words.ts';

/** What a search looks for. */
export interface SearchTerms {
  /** In searchable form, each once. */
  words: readonly string[];
  /** Whether the last word may be the beginning of a word, because the user may still be typing. */
  prefix: boolean;
}

/** More words make a search slower and seldom better. */
const MAX_WORDS = 16;
/** Later characters of a query are ignored. */
const QUERY_CHARACTERS = 2000;

/** Extracts the words of a query. Returns null if it has none. */
export function searchTerms(query: string): SearchTerms | null {
  const all = [...new Set(wordsOf(query.slice(0, QUERY_CHARACTERS)))];
  // The longest words of a long query say the most.
  const words = all.length > MAX_WORDS ? longest(all) : all;
  if (words.length === 0) return null;
  return { words, prefix: all.length <= MAX_WORDS && canBePrefix(query, words.at(-1) ?? '') };
}

/** One or two Latin letters match too many words; one character can be a whole word in other scripts. */
function canBePrefix(query: string, last: string): boolean {
  return /[\p{L}\p{N}\p{M}]$/u.test(query) && !/^[a-z0-9]{1,2}$/.test(last);
}

function longest(words: readonly string[]): string[] {
  const selected = new Set([...words].sort((left, right) => right.length - left.length).slice(0, MAX_WORDS));
  return words.filter((word) => selected.has(word));
}
