import type { Json } from '../events.ts';
import { firstCharacters, storableText } from '../storable-text.ts';
import { credentialDetector } from './find-credentials.ts';
import { createTokenDetector } from './find-tokens.ts';
import { type Finding, SLICE_CHARACTERS, scan } from './scan.ts';
import { isCookieName, isSecretName } from './secret-names.ts';

/** Returns the placeholder of a secret. */
export type Replace = (kind: string, secret: string) => string;

export const placeholder: Replace = (kind) => `[masked ${kind}]`;

/** Work that yields between parts of bounded length, so that a caller can let other work run in between. */
export type Steps<Result> = Generator<void, Result>;

/** Replaces every secret in a text. */
export function maskText(text: string, replace: Replace = placeholder): string {
  return finish(maskTextInSteps(text, replace));
}

/** How much longer the part of a text is that is searched than the part that is kept. */
const SEARCHED_LENGTHS = 32;

/** The beginning of a text, as it may be stored. Masked before it is cut: half a secret is not recognised. */
export function maskedBeginning(text: string, characters: number): string {
  const searched = firstCharacters(text, SEARCHED_LENGTHS * characters);
  return firstCharacters(maskText(storableText(searched)), characters);
}

/** Replaces every secret in the strings and member names of a JSON value, and the values of members named like credentials. */
export function maskJson(value: Json, replace: Replace = placeholder): Json {
  return finish(maskJsonInSteps(value, replace));
}

function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Like `maskText`. */
export function* maskTextInSteps(text: string, replace: Replace = placeholder): Steps<string> {
  // The form of a token says more than its position, so it comes first.
  const masked = replaceFindings(text, yield* scan(text, createTokenDetector()), replace);
  return replaceFindings(masked, yield* scan(masked, credentialDetector), replace);
}

/** A path or a URL with it leads to another folder. Policies and approvers must see where to, so it belongs to no secret. */
const folderStep = /[/\\](?:\.|%2e){1,2}(?=[/\\?#]|$)/i;

function replaceFindings(text: string, findings: readonly Finding[], replace: Replace): string {
  if (findings.length === 0) return text;
  const parts: string[] = [];
  let copied = 0;
  for (const { kind, start, end } of findings) {
    const found = text.slice(start, end);
    const step = found.search(folderStep);
    const secret = step > 0 ? found.slice(0, step) : found;
    parts.push(text.slice(copied, start), replace(kind, secret));
    copied = start + secret.length;
  }
  parts.push(text.slice(copied));
  return parts.join('');
}

/** Like `maskJson`. */
export function maskJsonInSteps(value: Json, replace: Replace = placeholder): Steps<Json> {
  return maskValue(value, replace, { characters: 0 });
}

/** @param masked characters since the last yield */
function* maskValue(value: Json, replace: Replace, masked: { characters: number }): Steps<Json> {
  if (typeof value === 'string') return yield* maskString(value, replace, masked);
  if (isPauseDue(VALUE_CHARACTERS, masked)) yield;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value) items.push(yield* maskValue(item, replace, masked));
    return items;
  }
  const members: [string, Json][] = [];
  for (const [name, member] of Object.entries(value)) {
    members.push([yield* maskString(name, replace, masked), yield* maskMember(value, name, member, replace, masked)]);
  }
  return Object.fromEntries(members);
}

/** What masking a text takes in addition to its length, as a number of characters: short texts would count for nothing. */
const TEXT_CHARACTERS = 64;
/** The same for a number, a list and so on. */
const VALUE_CHARACTERS = 16;

/** Counts more work. Whether enough was done since the last pause. */
function isPauseDue(characters: number, masked: { characters: number }): boolean {
  masked.characters += characters;
  if (masked.characters <= SLICE_CHARACTERS) return false;
  masked.characters = 0;
  return true;
}

function* maskString(text: string, replace: Replace, masked: { characters: number }): Steps<string> {
  if (isPauseDue(text.length + TEXT_CHARACTERS, masked)) yield;
  return yield* maskTextInSteps(text, replace);
}

function* maskMember(
  owner: { [name: string]: Json },
  name: string,
  member: Json,
  replace: Replace,
  masked: { characters: number },
): Steps<Json> {
  if (typeof member === 'string' && isSecretMember(owner, name)) return yield* maskWhole(member, replace);
  if (Array.isArray(member) && isCookieName(name)) {
    const items: Json[] = [];
    for (const item of member) items.push(typeof item === 'string' ? yield* maskWhole(item, replace) : item);
    return items;
  }
  return yield* maskValue(member, replace, masked);
}

/** Also the value of a pair such as `{"name": "DB_PASSWORD", "value": "…"}`. */
function isSecretMember(owner: { [name: string]: Json }, name: string): boolean {
  if (isSecretName(name)) return true;
  const pairName = name === 'value' ? (owner.name ?? owner.key) : null;
  return typeof pairName === 'string' && isSecretName(pairName);
}

/** A placeholder with a digest: a secret store may be able to reveal it. */
export const digestPlaceholder = /\[masked [a-z ]{1,30} #[0-9a-f]{12}\]/g;

/** The placeholders in a recorded input that may be revealed, each once. */
export function placeholdersOf(input: Json): string[] {
  return [...new Set(JSON.stringify(input).match(digestPlaceholder))];
}

/** Whether a recorded input has placeholders that may be revealed. */
export function holdsPlaceholder(input: Json): boolean {
  return placeholdersOf(input).length > 0;
}

/** For parsers of URLs, which would take the `#` of a placeholder for the end of the path. */
export function withUrlPlaceholders(url: string): string {
  return url.replace(digestPlaceholder, (placeholder) => placeholder.replace(/\W+/g, '-'));
}

/** Shorter values are empty or a word like "none". */
const MIN_CREDENTIAL_CHARACTERS = 6;

/** Keeps what surrounds a known form, as in `Bearer …`; masks any other text as a whole. */
function* maskWhole(text: string, replace: Replace): Steps<string> {
  if (text.length < MIN_CREDENTIAL_CHARACTERS || text.startsWith('[masked')) return text;
  const masked = yield* maskTextInSteps(text, replace);
  return masked === text ? replace('credential', text) : masked;
}
