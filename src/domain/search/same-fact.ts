import { wordsOf } from './words.ts';

/** The share of all words of two texts that both must contain. */
const MIN_OVERLAP = 0.9;

/**
 * Whether two texts state the same fact: they have the same words in the same order, or nearly all words and every number in
 * common. Short texts need the same words, because one different word changes the fact.
 */
export function isSameFact(left: string, right: string): boolean {
  const [leftWords, rightWords] = [wordsOf(left), wordsOf(right)];
  if (leftWords.length === 0) return left.trim() === right.trim();
  if (leftWords.join(' ') === rightWords.join(' ')) return true;
  const [leftSet, rightSet] = [new Set(leftWords), new Set(rightWords)];
  const common = [...leftSet].filter((word) => rightSet.has(word)).length;
  if (common / (leftSet.size + rightSet.size - common) < MIN_OVERLAP) return false;
  return numbersOf(leftSet) === numbersOf(rightSet);
}

function numbersOf(words: ReadonlySet<string>): string {
  return [...words]
    .filter((word) => /\p{N}/u.test(word))
    .sort()
    .join(' ');
}
