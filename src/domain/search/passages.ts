import { wordsOf } from './words.ts';

/** A part of a text as an index takes it. */
export interface Passage {
  /** 0, 1, 2, … */
  part: number;
  /** Where it begins, in UTF-16 units. */
  start: number;
  /** In their searchable form, with blanks between them. */
  words: string;
}

/** Short enough to be ranked at once and shown around a hit; most messages are one part. */
const PASSAGE_CHARACTERS = 4000;

/** A text cut into parts, at blanks where there are any. A part without words is left out. */
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

/** The text of the part that begins at `start`. */
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
