import { wordsOf } from './words.ts';

/** The share of the words of the longer text that the shorter one must contain. */
const MIN_OVERLAP = 0.9;

/** Words that English adds without changing the fact, and forms of "to be" and "to do" in the present. */
const fillers = new Set(
  'a an the that really very quite just actually also too much indeed certainly definitely truly simply basically is are am be s m re do does'.split(
    ' ',
  ),
);
/** A text with one of these says the opposite of a text without it, or something narrower. */
const reversals = new Set(
  'not no never nor without except only unless nobody nothing cannot former formerly'.split(' '),
);
/** What is left of "don't" and the like before their `t`. */
const contracted = /^(?:don|doesn|didn|isn|aren|wasn|weren|won|wouldn|can|couldn|shouldn|hasn|haven|hadn|mustn|needn)$/;

/**
 * Whether two texts state the same fact: without fillers and plurals, they have the same words in the same order, or the same
 * words with a part moved from one end to the other, or one has few words more. A text with another word in the place of one,
 * another number, or a "not" more states another fact.
 */
export function isSameFact(left: string, right: string): boolean {
  const [leftWords, rightWords] = [significantWords(left), significantWords(right)];
  if (leftWords.length === 0 || rightWords.length === 0) {
    return (
      wordsOf(left).join(' ') === wordsOf(right).join(' ') && (wordsOf(left).length > 0 || left.trim() === right.trim())
    );
  }
  const [leftText, rightText] = [` ${leftWords.join(' ')} `, ` ${rightWords.join(' ')} `];
  if (leftText === rightText) return true;
  if (leftWords.length === rightWords.length && `${leftText}${leftText.slice(1)}`.includes(rightText)) return true;
  return leftWords.length < rightWords.length
    ? hasFewWordsMore(rightWords, leftWords)
    : hasFewWordsMore(leftWords, rightWords);
}

function hasFewWordsMore(longer: readonly string[], shorter: readonly string[]): boolean {
  if (shorter.length / longer.length < MIN_OVERLAP) return false;
  const added: string[] = [];
  let common = 0;
  for (const word of longer) {
    if (word === shorter[common]) common += 1;
    else added.push(word);
  }
  return common === shorter.length && !added.some((word) => reversals.has(word) || /\p{N}/u.test(word));
}

function significantWords(text: string): string[] {
  const words = wordsOf(text);
  return words.flatMap((word, index) => {
    if (word === 't' && contracted.test(words[index - 1] ?? '')) return 'not';
    if (words[index + 1] === 't' && contracted.test(word)) return presentOf[word] ?? [];
    return fillers.has(word) ? [] : singular(word);
  });
}

/** The verb of a contraction, where it is more than a filler. */
const presentOf: Readonly<Record<string, string>> = {
  didn: 'did',
  wasn: 'was',
  weren: 'were',
  won: 'will',
  wouldn: 'would',
  can: 'can',
  couldn: 'could',
  shouldn: 'should',
  hasn: 'has',
  haven: 'have',
  hadn: 'had',
  mustn: 'must',
  needn: 'need',
};

/** Without the ending of a plural, or of the third person. An `e` that only some of these endings have is dropped as well. */
function singular(word: string): string | string[] {
  if (word === 'cannot') return ['can', 'not'];
  if (!/^[a-z]{4,}$/.test(word) || word === 'news') return word;
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  const stem = /[^s]s$/.test(word) ? word.slice(0, -1) : word;
  return stem.replace(/(s|x|z|ch|sh|o)e$/, '$1');
}
