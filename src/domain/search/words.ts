/** A word of a text: as it is searched for, and where it stands in the text, in UTF-16 units. */
export interface WordSpan {
  word: string;
  start: number;
  end: number;
}

/** Longer ones are no words of a language; what is behind is not searched. */
const WORD_CHARACTERS = 64;

const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
/** Scripts that put no blanks between words: any two neighbours are taken for a word. */
const unspaced =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]\p{M}*/u;
const runs = new RegExp(`(?:${unspaced.source})+|(?:(?!${unspaced.source}).)+`, 'gsu');
const characters = new RegExp(unspaced.source, 'gu');
/** Most words of most texts: they are spared what follows. */
const plain = /^[a-z0-9]+$/i;
/** Elsewhere a mark makes another letter of one. */
const accents = /(?<=[\p{scx=Latin}\p{scx=Greek}\p{scx=Cyrillic}]\p{M}*)\p{M}/gu;

/** The words of a text in their searchable form: small letters without accents, in any language. */
export function wordsOf(text: string): string[] {
  return wordSpans(text).map(({ word }) => word);
}

/** The words of a text with their places. */
export function wordSpans(text: string): WordSpan[] {
  const found: WordSpan[] = [];
  for (const { 0: letters, index } of text.matchAll(wordPattern)) {
    if (plain.test(letters) || !unspaced.test(letters)) {
      addWord(found, letters, index);
      continue;
    }
    for (const { 0: run, index: offset } of letters.matchAll(runs)) {
      if (unspaced.test(run)) addPairs(found, run, index + offset);
      else addWord(found, run, index + offset);
    }
  }
  return found;
}

function addWord(found: WordSpan[], letters: string, start: number): void {
  const word = searchable(letters);
  if (word !== '') found.push({ word, start, end: start + letters.length });
}

function addPairs(found: WordSpan[], run: string, start: number): void {
  const parts = [...run.matchAll(characters)];
  const last = Math.max(1, parts.length - 1);
  for (const [at, { 0: first, index }] of parts.slice(0, last).entries()) {
    addWord(found, first + (parts[at + 1]?.[0] ?? ''), start + index);
  }
}

/** By way of capitals, which make two letters of those that only have small forms. */
function searchable(letters: string): string {
  if (plain.test(letters)) return letters.slice(0, WORD_CHARACTERS).toLowerCase();
  const small = letters.normalize('NFKD').replace(accents, '').toUpperCase().toLowerCase().replace(accents, '');
  const cleaned = small.normalize('NFC').replace(/[^\p{L}\p{N}\p{M}]/gu, '');
  return [...cleaned].slice(0, WORD_CHARACTERS).join('');
}
