import { wordsOf } from './words.ts';

/** What somebody looks for. */
export interface SearchTerms {
  /** In their searchable form, each once. */
  words: readonly string[];
  /** The last word may be the beginning of one: somebody is still typing. */
  prefix: boolean;
}

/** More words make a search slower and seldom better. */
const WORDS = 16;

/** The words of a question; null where there is nothing to look for in it. */
export function searchTerms(text: string): SearchTerms | null {
  const all = [...new Set(wordsOf(text.slice(0, QUESTION_CHARACTERS)))];
  // Of a long question the longest words say the most.
  const words = all.length > WORDS ? longest(all) : all;
  return words.length === 0 ? null : { words, prefix: all.length <= WORDS && mayBeBeginning(text, words.at(-1) ?? '') };
}

/** One or two letters begin too many words; of a script that writes whole words with one character, one is enough. */
function mayBeBeginning(text: string, last: string): boolean {
  return /[\p{L}\p{N}\p{M}]$/u.test(text) && !/^[a-z0-9]{1,2}$/.test(last);
}

/** What is behind is not looked at. */
const QUESTION_CHARACTERS = 2000;

function longest(words: readonly string[]): string[] {
  const kept = new Set([...words].sort((left, right) => right.length - left.length).slice(0, WORDS));
  return words.filter((word) => kept.has(word));
}
