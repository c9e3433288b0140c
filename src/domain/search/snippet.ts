import type { SearchTerms } from './search-terms.ts';
import { type WordSpan, wordSpans } from './words.ts';

const SNIPPET_CHARACTERS = 200;
/** Shown before the first match. */
const LEAD_CHARACTERS = 60;

/** Returns the text around the matches in one line, with «matches» in guillemets; the beginning of the text if none match. */
export function snippetOf(text: string, terms: SearchTerms): string {
  const matches = wordSpans(text).filter(({ word }) => isMatch(word, terms));
  const first = bestStart(matches);
  const start = first === null ? 0 : wordStart(text, Math.max(0, first.start - LEAD_CHARACTERS));
  const end = wordEnd(text, start + SNIPPET_CHARACTERS);
  let marked = '';
  let from = start;
  for (const match of merged(matches)) {
    if (match.start < from || match.end > end) continue;
    marked += `${text.slice(from, match.start)}«${text.slice(match.start, match.end)}»`;
    from = match.end;
  }
  marked += text.slice(from, end);
  const line = marked.replace(/\s+/g, ' ').trim();
  return `${start > 0 ? '…' : ''}${line}${end < text.length ? '…' : ''}`.toWellFormed();
}

function isMatch(word: string, { words, prefix }: SearchTerms): boolean {
  const last = words.at(-1);
  return words.includes(word) || (prefix && last !== undefined && word.startsWith(last));
}

/** Returns the match from which a snippet contains the most different words. */
function bestStart(matches: readonly WordSpan[]): WordSpan | null {
  let best: { match: WordSpan; count: number } | null = null;
  for (const [index, match] of matches.entries()) {
    const shown = matches
      .slice(index, index + 32)
      .filter(({ end }) => end <= match.start + SNIPPET_CHARACTERS - LEAD_CHARACTERS);
    const count = new Set(shown.map(({ word }) => word)).size;
    if (best === null || count > best.count) best = { match, count };
  }
  return best?.match ?? null;
}

/** Merges overlapping matches: the pairs of characters in scripts without blanks. */
function merged(matches: readonly WordSpan[]): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  for (const { start, end } of matches) {
    const last = spans.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else spans.push({ start, end });
  }
  return spans;
}

function wordStart(text: string, position: number): number {
  if (position === 0) return 0;
  const blank = text.slice(position, position + LEAD_CHARACTERS).search(/\s/);
  return blank === -1 ? position : position + blank + 1;
}

function wordEnd(text: string, position: number): number {
  if (position >= text.length) return text.length;
  const blank = text.slice(position - LEAD_CHARACTERS, position).search(/\s\S*$/);
  return blank === -1 ? position : position - LEAD_CHARACTERS + blank;
}
