/** A word in searchable form, and its position in the text, in UTF-16 units. */
export interface WordSpan {
  word: string;
  start: number;
  end: number;
}

/** The rest of a longer word is ignored. */
const WORD_CHARACTERS = 64;

const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
/** Scripts without blanks between words: every pair of neighbouring characters counts as a word. */
const unspaced =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]\p{M}*/u;
const sameScript = new RegExp(`(?:${unspaced.source})+|(?:(?!${unspaced.source}).)+`, 'gsu');
const characters = new RegExp(unspaced.source, 'gu');
/** A fast path for whole texts: in these, words are letters and digits. */
const ascii = /^\p{ASCII}*$/u;
const asciiWord = /[a-z0-9]+/g;
/** A fast path: most words need no normalization. */
const plain = /^[a-z0-9]+$/i;
/** In other scripts, a mark makes a different letter. */
const accents = /(?<=[\p{scx=Latin}\p{scx=Greek}\p{scx=Cyrillic}]\p{M}*)\p{M}/gu;

/** Returns the words of a text in searchable form: lower case, without accents. */
export function wordsOf(text: string): string[] {
  if (ascii.test(text))
    return (text.toLowerCase().match(asciiWord) ?? []).map((word) => word.slice(0, WORD_CHARACTERS));
  return wordSpans(text).map(({ word }) => word);
}

/** Returns the words of a text with their positions. */
export function wordSpans(text: string): WordSpan[] {
  const spans: WordSpan[] = [];
  for (const { 0: letters, index } of text.matchAll(wordPattern)) {
    if (plain.test(letters) || !unspaced.test(letters)) {
      addWord(spans, letters, index);
      continue;
    }
    for (const { 0: part, index: offset } of letters.matchAll(sameScript)) {
      if (unspaced.test(part)) addPairs(spans, part, index + offset);
      else addWord(spans, part, index + offset);
    }
  }
  return spans;
}

function addWord(spans: WordSpan[], letters: string, start: number): void {
  const word = searchable(letters);
  if (word !== '') spans.push({ word, start, end: start + letters.length });
}

function addPairs(spans: WordSpan[], text: string, start: number): void {
  const matches = [...text.matchAll(characters)];
  const count = Math.max(1, matches.length - 1);
  for (const [position, { 0: first, index }] of matches.slice(0, count).entries()) {
    addWord(spans, first + (matches[position + 1]?.[0] ?? ''), start + index);
  }
}

/** Upper case first, because it expands letters like ß to two. */
function searchable(letters: string): string {
  if (plain.test(letters)) return letters.slice(0, WORD_CHARACTERS).toLowerCase();
  const lowerCase = letters.normalize('NFKD').replace(accents, '').toUpperCase().toLowerCase().replace(accents, '');
  const cleaned = lowerCase.normalize('NFC').replace(/[^\p{L}\p{N}\p{M}]/gu, '');
  return [...cleaned].slice(0, WORD_CHARACTERS).join('');
}
