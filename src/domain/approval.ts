import type { Json } from './events.ts';

/** Characters that a summary shows of one member of the input: a long one must not hide those behind it. */
const MEMBER_CHARACTERS = 160;
/** Members that a summary shows; no tool that a person could judge has more. */
const MEMBERS = 12;
const DESCRIPTION_CHARACTERS = 200;

/** One line that lets a person judge a call: which tool, with which input, and what the tool says that it does. */
export function summarise(tool: { name: string; description: string }, input: Json): string {
  const call = describeCall(tool.name, input);
  const description = tool.description.replace(/\s+/g, ' ').trim();
  return description === '' ? call : `${call}: ${visible(cut(description, DESCRIPTION_CHARACTERS))}`;
}

/** The call as one would write it: `files_write(path: "notes/today", text: "…")`. */
export function describeCall(tool: string, input: Json): string {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return `${tool}(${valueInWords(input)})`;
  const members = Object.entries(input);
  const shown = members.slice(0, MEMBERS).map(([name, value]) => `${nameInWords(name)}: ${valueInWords(value)}`);
  const more = members.length > MEMBERS ? [`and ${members.length - MEMBERS} more`] : [];
  return `${tool}(${[...shown, ...more].join(', ')})`;
}

function nameInWords(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : valueInWords(name);
}

function valueInWords(value: Json): string {
  const text = JSON.stringify(value);
  const shown = visible(cut(text, MEMBER_CHARACTERS));
  return text.length > MEMBER_CHARACTERS ? `${shown} (${text.length} characters)` : shown;
}

function cut(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** Characters that show nothing, or turn the text around them, could make a call look like another. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

export interface Grant {
  tool: string;
  /** Epoch milliseconds; null for the rest of the session. */
  expiresAt: number | null;
}

/** The remembered approval that lets the tool run without asking again; null where there is none. */
export function coveringGrant<Known extends Grant>(grants: readonly Known[], tool: string, now: number): Known | null {
  return grants.find((grant) => grant.tool === tool && (grant.expiresAt === null || grant.expiresAt > now)) ?? null;
}
