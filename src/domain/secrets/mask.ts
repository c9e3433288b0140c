import type { Json } from '../events.ts';
import { secretKinds, secretName } from './kinds.ts';

/** Returns the placeholder of a secret. */
export type Replace = (kind: string, secret: string) => string;

export const placeholder: Replace = (kind) => `[masked ${kind}]`;

/** Replaces every secret in a text. */
export function maskText(text: string, replace: Replace = placeholder): string {
  let masked = text;
  for (const { name, pattern } of secretKinds) {
    masked = masked.replace(pattern, (span: string, ...rest: unknown[]) => {
      const groups = rest.at(-1);
      const value = typeof groups === 'object' && groups !== null && 'value' in groups ? String(groups.value) : span;
      if (isPlaceholder(value)) return span;
      const start = span.lastIndexOf(value);
      return `${span.slice(0, start)}${replace(name, value)}${span.slice(start + value.length)}`;
    });
  }
  return masked;
}

/** Replaces every secret in the strings and member names of a JSON value, and the values of members named like credentials. */
export function maskJson(value: Json, replace: Replace = placeholder): Json {
  if (typeof value === 'string') return maskText(value, replace);
  if (Array.isArray(value)) return value.map((item) => maskJson(item, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const isSecret =
        secretName.test(name) && typeof member === 'string' && member.length >= MIN_CREDENTIAL_CHARACTERS;
      return [
        maskText(name, replace),
        isSecret && !isPlaceholder(member) ? maskWhole(member, replace) : maskJson(member, replace),
      ];
    }),
  );
}

/** A placeholder with a digest: a secret store may be able to reveal it. */
export const digestPlaceholder = /\[masked [a-z ]{1,30} #[0-9a-f]{12}\]/g;

/** Whether a recorded input has placeholders that may be revealed. */
export function holdsPlaceholder(input: Json): boolean {
  return JSON.stringify(input).match(digestPlaceholder) !== null;
}

/** Shorter values are empty or a word like "none". */
const MIN_CREDENTIAL_CHARACTERS = 6;

/** Keeps what surrounds a known form, as in `Bearer …`; masks any other text as a whole. */
function maskWhole(text: string, replace: Replace): string {
  const masked = maskText(text, replace);
  return masked === text ? replace('credential', text) : masked;
}

const isPlaceholder = (text: string) => text.startsWith('[masked');
