import { wordsOf } from './words.ts';

/** A part of a text, as the full-text index stores it. */
export interface Passage {
  /** 0, 1, 2, … */
  part: number;
  /** Where the part starts in the text, in UTF-16 units. */
  start: number;
  /** The words in searchable form, separated by blanks. */
  words: string;
}

/** Short enough to be ranked as a whole and searched for a snippet; most messages are one part. */
const PASSAGE_CHARACTERS = 4000;

/** Cuts a text into parts, at blanks if possible. Parts without words are left out. */
export function passagesOf(text: string): Passage[] {
  const passages: Passage[] = [];
  for (let start = 0, part = 0; start < text.length; part += 1) {
    const end = endOf(text, start);
    const words = wordsOf(text.slice(start, end)).join(' ');
    if (words !== '') passages.push({ part, start, words });
    start = end;
  }
  return passages;
}

/** Returns the text of the part that starts at `start`. */
export function passageAt(text: string, start: number): string {
  return text.slice(start, endOf(text, start));
}

function endOf(text: string, start: number): number {
  const end = start + PASSAGE_CHARACTERS;
  if (end >= text.length) return text.length;
  const blank = text.slice(start, end).search(/\s\S*$/);
  if (blank > PASSAGE_CHARACTERS / 2) return start + blank + 1;
  const isInsidePair = /^[\uDC00-\uDFFF]/.test(text.slice(end, end + 1));
  return isInsidePair ? end - 1 : end;
}
