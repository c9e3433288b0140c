import type { Json } from './events.ts';

/** Most characters shown of one member of the input, so that a long member does not hide the next ones. */
const MEMBER_CHARACTERS = 160;
/** Most members of the input that a summary shows. */
const MEMBERS = 12;
const DESCRIPTION_CHARACTERS = 200;

/** Describes a call to its approver in one line: the tool, the input and the tool's description. */
export function summarise(tool: { name: string; description: string }, input: Json): string {
  const call = describeCall(tool.name, input);
  const description = tool.description.replace(/\s+/g, ' ').trim();
  return description === '' ? call : `${call}: ${escapeInvisible(cut(description, DESCRIPTION_CHARACTERS))}`;
}

/** Writes a call like `files_write(path: "notes/today", text: "…")`. */
export function describeCall(tool: string, input: Json): string {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return `${tool}(${formatValue(input)})`;
  const members = Object.entries(input);
  const shown = members.slice(0, MEMBERS).map(([name, value]) => `${formatName(name)}: ${formatValue(value)}`);
  const more = members.length > MEMBERS ? [`and ${members.length - MEMBERS} more`] : [];
  return `${tool}(${[...shown, ...more].join(', ')})`;
}

function formatName(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : formatValue(name);
}

function formatValue(value: Json): string {
  const text = JSON.stringify(value);
  const shown = escapeInvisible(cut(text, MEMBER_CHARACTERS));
  return text.length > MEMBER_CHARACTERS ? `${shown} (${text.length} characters)` : shown;
}

function cut(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** Escapes invisible and bidirectional characters, which could make one call look like another. */
function escapeInvisible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** A remembered approval of one tool in one session. */
export interface Grant {
  tool: string;
  /** Epoch milliseconds; null for the rest of the session. */
  expiresAt: number | null;
}

/** Returns the grant that lets the tool run without another approval, or null. */
export function coveringGrant<G extends Grant>(grants: readonly G[], tool: string, now: number): G | null {
  return grants.find((grant) => grant.tool === tool && (grant.expiresAt === null || grant.expiresAt > now)) ?? null;
}
