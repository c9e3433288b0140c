import { wordsOf } from './words.ts';

/** Of all words of two texts, those that both hold. */
const OVERLAP = 0.9;

/**
 * Whether two texts say the same: word by word the same, or nearly all words and every number in common. A text of few words
 * must be the same, since one other word makes another fact of it.
 */
export function isSameFact(left: string, right: string): boolean {
  const [ours, theirs] = [wordsOf(left), wordsOf(right)];
  if (ours.length === 0) return left.trim() === right.trim();
  if (ours.join(' ') === theirs.join(' ')) return true;
  const [own, other] = [new Set(ours), new Set(theirs)];
  const common = [...own].filter((word) => other.has(word)).length;
  if (common / (own.size + other.size - common) < OVERLAP) return false;
  return numbersOf(own) === numbersOf(other);
}

function numbersOf(words: ReadonlySet<string>): string {
  return [...words]
    .filter((word) => /\p{N}/u.test(word))
    .sort()
    .join(' ');
}
