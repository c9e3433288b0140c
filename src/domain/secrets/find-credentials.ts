import type { Detector, Finding } from './scan.ts';

const anyCase = 'password|passwd|passphrase|secret[_-]?access[_-]?key|secret[_-]?key(?:[_-]?base)?|secret';
const wordNames =
  'pass|pwd|passcode|connection[_-]?string' +
  '|(?:api|access|private|account|shared[_-]?access|signing|encryption|master|storage|subscription|service[_-]?role)[_-]?key' +
  '|(?:api|app|auth|access|bearer|bot|deploy|github|gitlab|id|npm|refresh|security|session|user)[_-]?token';
/** Some names are names of credentials also at the end of a word, as in `dbpassword`. */
const inWord = new RegExp(`^(?:${anyCase})`, 'i');

type Examine = Detector['examine'];

/** Positions of a credential: what comes before it, and how it is read. In JSON text within JSON, quotes have a backslash. */
const positions: readonly (readonly [anchor: string, examine: Examine])[] = [
  ['://|:\\\\/\\\\/', urlPassword],
  ['\\b(?:bearer|basic) ', authorization],
  ['\\b(?:set-)?cookie\\\\?["\']?\\s{0,3}[:=]', cookie],
  // Text in HTML and JSON has the separators of a URL as escapes.
  ['(?:[?&;]|\\\\u0026)(?:x-(?:amz|goog)-(?:signature|security-token)|sig(?:nature)?|token)=', urlSignature],
  [`(?:${anyCase}|${wordNames})\\\\?["']?\\s{0,3}(?:=>|[:=])`, credential],
];

/** Finds secrets that have no form of their own but are in the position of a credential. */
export const credentialDetector: Detector = {
  anchor: new RegExp(positions.map(([pattern]) => pattern).join('|'), 'gi'),
  examine(text, index, anchor) {
    for (const [first, examine] of examinations) if (first.test(anchor)) return examine(text, index, anchor);
    return null;
  },
};

const examinations = positions.map(([pattern, examine]) => [new RegExp(`^(?:${pattern})`, 'i'), examine] as const);

/** The match of a sticky pattern that consumes as much as it can and does not fail afterwards. */
function read(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

const schemeEnd = /[a-z][a-z0-9+.-]{1,20}$/i;
const authority = /[^\s/?#"'<>`\\]*/y;
const MIN_PASSWORD_CHARACTERS = 3;

/** Up to the last `@`, because passwords contain it more often than host names. */
function urlPassword(text: string, index: number, anchor: string): Finding | null {
  if (!schemeEnd.test(text.slice(Math.max(0, index - 21), index))) return null;
  const start = index + anchor.length;
  const userInfo = read(authority, text, start)?.[0].replace(/@[^@]*$/, '\0') ?? '';
  const colon = userInfo.indexOf(':');
  if (!userInfo.endsWith('\0') || colon === -1 || userInfo.length - 1 - colon - 1 < MIN_PASSWORD_CHARACTERS)
    return null;
  if (isReference(userInfo.slice(colon + 1, colon + 1 + REFERENCE_CHARACTERS))) return null;
  return { kind: 'password', start: start + colon + 1, end: start + userInfo.length - 1 };
}

const authorizationValue = / *([A-Za-z0-9+/_.=~-]*)/y;
const MIN_TOKEN_CHARACTERS = 16;

function authorization(text: string, index: number, anchor: string): Finding | null {
  const match = read(authorizationValue, text, index + anchor.length);
  return match && isToken(match[1] ?? '') ? findingAtEnd('authorization', match, match[1] ?? '') : null;
}

const setCookie = /\s{0,3}(?:\[\s{0,3})?\\?["']?[\w.!#$%&*+^|~-]{1,100}=([^\s;,"'\\]*)/y;
const cookies = /\s{0,3}\\?["']?([\w.!#$%&*+^|~-]{1,100}=[^\s;,"'\\]*(?:; ?[\w.!#$%&*+^|~-]{1,100}=[^\s;,"'\\]*)*)/y;
const MIN_COOKIE_CHARACTERS = 8;

/** The value of a cookie that is set; all cookies that are sent. */
function cookie(text: string, index: number, anchor: string): Finding | number | null {
  const pattern = /^set/i.test(anchor) ? setCookie : cookies;
  const start = index + anchor.length;
  if (isReference(read(pattern, text.slice(start, start + REFERENCE_CHARACTERS), 0)?.[1] ?? '')) return null;
  const match = read(pattern, text, start);
  if (!match) return null;
  const value = match[1] ?? '';
  const isSecret = value.length >= MIN_COOKIE_CHARACTERS && /\d/.test(value);
  return isSecret ? findingAtEnd('cookie', match, value) : start + match[0].length;
}

const parameterValue = /([A-Za-z0-9%_.~+/=-]*)/y;

function urlSignature(text: string, index: number, anchor: string): Finding | null {
  const match = read(parameterValue, text, index + anchor.length);
  return match && isToken(match[1] ?? '') ? findingAtEnd('signature', match, match[1] ?? '') : null;
}

const quoted = /\s{0,3}(?:"([^\s"]*)"|'([^\s']*)')/y;
const unquoted = /\s{0,3}\\?["']?([^\s"',;&}<>()[\]{]*)/y;
const MIN_CREDENTIAL_CHARACTERS = 8;

function credential(text: string, index: number, anchor: string): Finding | number | null {
  if (!inWord.test(anchor) && !startsName(text, index)) return null;
  const start = index + anchor.length;
  const beginning = text.slice(start, start + REFERENCE_CHARACTERS);
  if (isReference(inQuotes(read(quoted, beginning, 0)) ?? read(unquoted, beginning, 0)?.[1] ?? '')) return null;
  const quotedMatch = read(quoted, text, start);
  const quotedValue = inQuotes(quotedMatch) ?? '';
  if (quotedMatch && isStrong(quotedValue)) {
    const end = start + quotedMatch[0].length - 1;
    return { kind: 'credential', start: end - quotedValue.length, end };
  }
  const match = read(unquoted, text, start);
  if (!match) return null;
  const end = start + match[0].length;
  // A backslash belongs to the quote that follows.
  const value = match[1]?.replace(/\\$/, '') ?? '';
  const valueStart = end - (match[1]?.length ?? 0);
  // In a weak value, every later part is weak as well.
  return isStrong(value) ? { kind: 'credential', start: valueStart, end: valueStart + value.length } : end;
}

function inQuotes(match: RegExpExecArray | null): string | null {
  return match?.[1] ?? match?.[2] ?? null;
}

/** Whether a name starts here: after another character than a letter, or with a capital in the middle of a word. */
function startsName(text: string, index: number): boolean {
  const before = text.charAt(index - 1);
  return !/[a-z]/i.test(before) || (/[a-z]/.test(before) && /[A-Z]/.test(text.charAt(index)));
}

function findingAtEnd(kind: string, match: RegExpExecArray, value: string): Finding {
  const end = match.index + match[0].length;
  return { kind, start: end - value.length, end };
}

function isToken(value: string): boolean {
  return value.length >= MIN_TOKEN_CHARACTERS && /\d/.test(value);
}

/** Other values are words. */
function isStrong(value: string): boolean {
  return value.length >= MIN_CREDENTIAL_CHARACTERS && /[0-9!@#$%^*]/.test(value);
}

/** A reference is recognised by its beginning, so that long text is not read for each one. */
const REFERENCE_CHARACTERS = 200;

/** Whether a value says where the credential is, or stands for one. */
function isReference(start: string): boolean {
  return (
    /^(?:\[masked|\$[{(]|\$[A-Z_][A-Z0-9_]*$|\{\{|<|%[A-Za-z_]+%$|arn:|vault:|file:|https?:|Uint8Array\b|\/[\w.-]+\/)/.test(
      start,
    ) ||
    /^(?:process|os|env|import|config|settings|options|props|this|self|req|request|ctx|context|args|params|secrets|vars?|module|local)\./.test(
      start,
    ) ||
    /^(.)\1*$/.test(start)
  );
}
