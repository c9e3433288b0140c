import type { Json } from '../events.ts';
import { secretKinds, secretName } from './kinds.ts';

/** Makes what stands in the place of a secret. */
export type Replace = (kind: string, secret: string) => string;

export const placeholder: Replace = (kind) => `[masked ${kind}]`;

/** The text with every secret replaced; whatever stands around it stays. */
export function maskText(text: string, replace: Replace = placeholder): string {
  let masked = text;
  for (const { name, pattern } of secretKinds) {
    masked = masked.replace(pattern, (span: string, ...rest: unknown[]) => {
      const groups = rest.at(-1);
      const value = typeof groups === 'object' && groups !== null && 'value' in groups ? String(groups.value) : span;
      if (isMarked(value)) return span;
      const at = span.lastIndexOf(value);
      return `${span.slice(0, at)}${replace(name, value)}${span.slice(at + value.length)}`;
    });
  }
  return masked;
}

/** The same in every text of a JSON value, names of members included; a member that is called a password is one. */
export function maskJson(value: Json, replace: Replace = placeholder): Json {
  if (typeof value === 'string') return maskText(value, replace);
  if (Array.isArray(value)) return value.map((item) => maskJson(item, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const isSecret = secretName.test(name) && typeof member === 'string' && member.length >= SHORTEST;
      return [
        maskText(name, replace),
        isSecret && !isMarked(member) ? maskWhole(member, replace) : maskJson(member, replace),
      ];
    }),
  );
}

/** A mark behind which somebody may know the secret: it has a digest. */
export const digestPlaceholder = /\[masked [a-z ]{1,30} #[0-9a-f]{12}\]/g;

/** Whether a credential was taken out of an input that is recorded. */
export function holdsPlaceholder(input: Json): boolean {
  return JSON.stringify(input).match(digestPlaceholder) !== null;
}

/** Below, it is an empty field or a word like "none". */
const SHORTEST = 6;

/** What has a known form keeps what stands around it, as in `Bearer …`. */
function maskWhole(text: string, replace: Replace): string {
  const masked = maskText(text, replace);
  return masked === text ? replace('credential', text) : masked;
}

const isMarked = (text: string) => text.startsWith('[masked');
