import type { SearchTerms } from './search-terms.ts';
import { type WordSpan, wordSpans } from './words.ts';

const SNIPPET_CHARACTERS = 200;
/** Shown in front of the first hit. */
const LEAD_CHARACTERS = 60;

/** The text around the hits in one line, «hits» in these marks; its beginning where nothing is hit. */
export function snippetOf(text: string, question: SearchTerms): string {
  const hits = wordSpans(text).filter(({ word }) => isHit(word, question));
  const first = bestHit(hits);
  const start = first === null ? 0 : wordStart(text, Math.max(0, first.start - LEAD_CHARACTERS));
  const end = wordEnd(text, start + SNIPPET_CHARACTERS);
  let marked = '';
  let from = start;
  for (const hit of merged(hits)) {
    if (hit.start < from || hit.end > end) continue;
    marked += `${text.slice(from, hit.start)}«${text.slice(hit.start, hit.end)}»`;
    from = hit.end;
  }
  marked += text.slice(from, end);
  const line = marked.replace(/\s+/g, ' ').trim();
  return `${start > 0 ? '…' : ''}${line}${end < text.length ? '…' : ''}`.toWellFormed();
}

function isHit(word: string, { words, prefix }: SearchTerms): boolean {
  const last = words.at(-1);
  return words.includes(word) || (prefix && last !== undefined && word.startsWith(last));
}

/** The hit from which on the snippet holds the most different words. */
function bestHit(hits: readonly WordSpan[]): WordSpan | null {
  let best: { hit: WordSpan; count: number } | null = null;
  for (const [at, hit] of hits.entries()) {
    const shown = hits.slice(at, at + 32).filter(({ end }) => end <= hit.start + SNIPPET_CHARACTERS - LEAD_CHARACTERS);
    const count = new Set(shown.map(({ word }) => word)).size;
    if (best === null || count > best.count) best = { hit, count };
  }
  return best?.hit ?? null;
}

/** Pairs of scripts without blanks overlap. */
function merged(hits: readonly WordSpan[]): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  for (const { start, end } of hits) {
    const last = spans.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else spans.push({ start, end });
  }
  return spans;
}

function wordStart(text: string, at: number): number {
  if (at === 0) return 0;
  const blank = text.slice(at, at + LEAD_CHARACTERS).search(/\s/);
  return blank === -1 ? at : at + blank + 1;
}

function wordEnd(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const blank = text.slice(at - LEAD_CHARACTERS, at).search(/\s\S*$/);
  return blank === -1 ? at : at - LEAD_CHARACTERS + blank;
}
