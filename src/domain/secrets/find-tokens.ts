import { type Detector, type Finding, startsWord } from './scan.ts';
import { type TokenForm, tokenForms } from './token-forms.ts';

const WEB_TOKEN = 'eyJ';
const webTokenPart = /[A-Za-z0-9_-]*/y;
const MIN_PART_CHARACTERS = 8;

type Form = Pick<TokenForm, 'kind'> & { pattern: RegExp };

const formsByPrefix = new Map(
  tokenForms.flatMap(({ kind, prefixes, rest }): [string, Form][] =>
    prefixes.map((prefix) => [prefix, { kind, pattern: new RegExp(`${literally(prefix)}${rest}`, 'y') }]),
  ),
);

// A longer prefix comes before a shorter one that it starts with.
const anchors = [WEB_TOKEN, ...formsByPrefix.keys()].sort((left, right) => right.length - left.length).map(literally);
/** One for all detectors: compiling it takes longer than searching a short text. */
const anchor = new RegExp(anchors.join('|'), 'g');

/** Finds tokens that have the form of a service's tokens, wherever they are. */
export function createTokenDetector(): Detector {
  // No web token starts before this position. Without it, a long text of beginnings would be read again from each of them.
  let noWebTokenBefore = 0;
  return {
    anchor,
    examine(text, index, prefix) {
      if (!startsWord(text, index)) return null;
      if (prefix === WEB_TOKEN) {
        if (index < noWebTokenBefore) return null;
        const { end, isToken } = readWebToken(text, index);
        if (isToken) return { kind: 'json web token', start: index, end };
        noWebTokenBefore = end;
        return null;
      }
      const form = formsByPrefix.get(prefix);
      return form ? matchForm(form, text, index) : null;
    },
  };
}

function matchForm({ kind, pattern }: Form, text: string, index: number): Finding | null {
  pattern.lastIndex = index;
  const match = pattern.exec(text);
  if (!match) return null;
  const end = index + match[0].length;
  return { kind, start: end - (match.groups?.value ?? match[0]).length, end };
}

/** Three parts with dots in between; the first two are JSON objects. Otherwise `end` is the end of the first part. */
function readWebToken(text: string, start: number): { end: number; isToken: boolean } {
  const header = partEnd(text, start);
  const no = { end: header, isToken: false };
  if (header - start < WEB_TOKEN.length + MIN_PART_CHARACTERS || !text.startsWith(`.${WEB_TOKEN}`, header)) return no;
  const payload = partEnd(text, header + 1);
  if (payload - header - 1 < WEB_TOKEN.length + MIN_PART_CHARACTERS || text[payload] !== '.') return no;
  const end = partEnd(text, payload + 1);
  return end - payload - 1 < MIN_PART_CHARACTERS ? no : { end, isToken: true };
}

function partEnd(text: string, start: number): number {
  webTokenPart.lastIndex = start;
  webTokenPart.test(text);
  return webTokenPart.lastIndex;
}

function literally(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
