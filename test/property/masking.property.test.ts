import { describe, expect, test } from 'vitest';
import { maskJsonInSteps, maskText, maskTextInSteps, type Steps } from '../../src/domain/secrets/mask.ts';
import { SLICE_CHARACTERS } from '../../src/domain/secrets/scan.ts';
import { tokenForms } from '../../src/domain/secrets/token-forms.ts';
import { placedSamples, type Sample, seededRandom, tokenSamples, tokens, unseenSamples } from '../data/credentials.ts';
import { aboutCredentials, randomOrdinaryTexts, repositoryLines } from '../data/ordinary-texts.ts';

const MEBIBYTE = 1024 * 1024;
const SEED = 20261126;

describe('B61: masking, measured on texts that were not written beside its patterns', () => {
  test('finds nearly every credential and changes hardly any ordinary text', () => {
    const random = seededRandom(SEED);
    const samples = Array.from({ length: 8 }, () => [...tokenSamples(random), ...placedSamples(random)]).flat();
    const missed = samples.filter(({ text, secret }) => maskText(text).includes(secret));
    const lines = repositoryLines();
    const wrongLines = lines.filter(([, line]) => maskText(line) !== line);
    const others = [...randomOrdinaryTexts(SEED), ...aboutCredentials];
    const wrongTexts = others.filter((text) => maskText(text) !== text);
    const found = samples.length - missed.length;
    const wrong = wrongLines.length + wrongTexts.length;
    const [precision, recall] = [found / (found + wrong), found / samples.length];
    process.stdout.write(
      `masking, seed ${SEED}: ${samples.length} credentials, ${lines.length} lines and ${others.length} other texts, ` +
        `precision ${precision.toFixed(4)}, recall ${recall.toFixed(4)}\n`,
    );
    expect(recall, summary(missed)).toBeGreaterThanOrEqual(0.99);
    expect(
      precision,
      wrongLines
        .map(([file, line]) => `${file}: ${line}`)
        .concat(wrongTexts)
        .join('\n'),
    ).toBeGreaterThanOrEqual(0.99);
  });
});

test('B61: masking finds most credentials in places that its patterns were not made for', () => {
  const random = seededRandom(SEED);
  const samples = Array.from({ length: 8 }, () => unseenSamples(random)).flat();
  const missed = samples.filter(({ text, secret }) => maskText(text).includes(secret));
  const recall = 1 - missed.length / samples.length;
  const labels = [...new Set(missed.map(({ label }) => label))].join(', ');
  process.stdout.write(
    `masking, unseen places: ${samples.length} credentials, recall ${recall.toFixed(4)}; missed: ${labels}\n`,
  );
  expect(recall, summary(missed)).toBeGreaterThanOrEqual(0.6);
});

const summary = (missed: readonly Sample[]) =>
  missed.map(({ label, text }) => `${label}: ${text.slice(0, 200)}`).join('\n');

describe('B61: masking of long texts', () => {
  test('hides no credential at the end of a slice', () => {
    const random = seededRandom(SEED);
    const all = tokens(random).concat([['password', `DB_PASSWORD=${'x1y2'.repeat(4)}`]]);
    for (const [label, token] of all) {
      const secret = token.slice(-12);
      for (let before = token.length + 2; before >= 0; before -= 7) {
        const text = `${'a '.repeat(SLICE_CHARACTERS / 2).slice(before)}${token} ${'b '.repeat(100)}`;
        expect(maskText(text).includes(secret), `${label}, ${before} characters before the end`).toBe(false);
      }
    }
  });

  test('yields after each slice, in one text and across the members of a value', () => {
    const text = 'a b '.repeat(MEBIBYTE / 4);
    const slices = MEBIBYTE / SLICE_CHARACTERS;
    expect(count(maskTextInSteps(text))).toBe(2 * (slices - 1));
    const members = Array.from({ length: 1024 }, () => 'a b '.repeat(256));
    expect(count(maskJsonInSteps({ members }))).toBeGreaterThanOrEqual(slices - 1);
    // One text of these takes as long as many characters of a long one.
    expect(count(maskJsonInSteps(Array(50_000).fill('a')))).toBeGreaterThanOrEqual(40);
  });

  const shapes = [
    'a| |\\|\\n|%3D|@|-eyJ|eyJ|eyJaaaaaaaaaa.|a_|password=|password= |secret:"|password:\'|password="a|pass:|password=https:|://|x:/|a://b:c|a://b:@',
    'bearer |cookie=|cookie: a=b;|set-cookie: a=|&sig=|?token=a|-----BEGIN PRIVATE KEY-----|-----BEGIN PRIVATE KEY-----Version:',
  ]
    .flatMap((list) => list.split('|'))
    .concat(tokenForms.flatMap(({ prefixes }) => prefixes.flatMap((prefix) => [prefix, `-${prefix}`, ` ${prefix}1`])));
  test.each(shapes)('takes linear time for a repeated %j', (shape) => {
    const measure = (characters: number) => {
      const text = shape.repeat(Math.ceil(characters / shape.length));
      const startedAt = performance.now();
      maskText(text);
      return performance.now() - startedAt;
    };
    measure(MEBIBYTE / 64);
    // Sixteen times the text takes about sixteen times as long, and 256 times as long in quadratic time. The constant is for
    // other work of the machine.
    const [short, long] = [measure(MEBIBYTE / 64), measure(MEBIBYTE / 4)];
    expect(long, `${short} ms for the short text`).toBeLessThan(64 * short + 500);
  });
});

function count(steps: Steps<unknown>): number {
  let yields = 0;
  while (!steps.next().done) yields += 1;
  return yields;
}
