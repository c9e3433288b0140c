import { expect, test } from 'vitest';
import { isSameFact } from '../../../src/domain/search/same-fact.ts';
import { differentFacts, sameFacts, unseenDifferentFacts, unseenSameFacts } from '../../data/fact-pairs.ts';

type Pairs = readonly [string, string][];

test.each<[what: string, same: Pairs, different: Pairs, least: { precision: number; recall: number }]>([
  ['pairs that the comparison was tuned on', sameFacts, differentFacts, { precision: 0.95, recall: 0.9 }],
  ['pairs that it was not tuned on', unseenSameFacts, unseenDifferentFacts, { precision: 0.9, recall: 0.5 }],
])('near-duplicates are told from facts that only look alike, in %s', (what, same, different, least) => {
  const missed = same.filter(([left, right]) => !isSameFact(left, right) || !isSameFact(right, left));
  const wrong = different.filter(([left, right]) => isSameFact(left, right) || isSameFact(right, left));
  const found = same.length - missed.length;
  const [precision, recall] = [found / (found + wrong.length), found / same.length];
  process.stdout.write(
    `same facts, ${what}: ${same.length} alike, ${different.length} different, ` +
      `precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}\n`,
  );
  expect(precision, JSON.stringify(wrong, null, 1)).toBeGreaterThanOrEqual(least.precision);
  expect(recall, JSON.stringify(missed, null, 1)).toBeGreaterThanOrEqual(least.recall);
});
