import type { Json } from './events.ts';
import { escapeDeceptive } from './visible-text.ts';

/** Most characters shown of one member of the input: its beginning and its end, because either can hide the other. */
const MEMBER_CHARACTERS = 160;
const MEMBER_END_CHARACTERS = 60;
/** The same for the target. A host name, which has at most 253 characters, is shown in full. */
const TARGET_CHARACTERS = 400;
const TARGET_END_CHARACTERS = 100;
/** Most members of the input that a summary shows. */
const MEMBERS = 12;
const DESCRIPTION_CHARACTERS = 200;
const DESCRIPTION_END_CHARACTERS = 80;
/** Members that say what a call reaches. They are shown first, so that others do not displace them. */
const TARGET_MEMBERS = ['method', 'url', 'uri', 'host', 'path', 'command'];

/**
 * Describes a call to its approver in one line: the tool, its target, the input, and what the tool says about itself.
 * @param target in a canonical form; null if the tool does not say
 */
export function summarise(
  tool: { name: string; description: string },
  input: Json,
  target: string | null = null,
): string {
  const call = describeCall(tool.name, input, target);
  const description = tool.description.replace(/\s+/g, ' ').trim();
  if (description === '') return call;
  const claim = shorten(JSON.stringify(description), DESCRIPTION_CHARACTERS, DESCRIPTION_END_CHARACTERS);
  return `${call}. The tool describes itself as: ${escapeDeceptive(claim)}`;
}

/** A question in one line, like the values of a call: its beginning and its end, with deceptive characters escaped. */
export function summariseQuestion(prompt: string): string {
  const line = prompt.replace(/\s+/g, ' ').trim();
  return escapeDeceptive(shorten(line, TARGET_CHARACTERS, TARGET_END_CHARACTERS));
}

/** A question of a tool that runs. A link is shown with its host as it is looked up. */
export function summariseToolQuestion(source: string, prompt: string, url: string | null): string {
  const asking = `The MCP server ${formatValue(source)} asks`;
  if (url === null) return `${asking}: ${summariseQuestion(prompt)}`;
  const link = escapeDeceptive(shorten(url, TARGET_CHARACTERS, TARGET_END_CHARACTERS));
  return `${asking} to open ${link} : ${summariseQuestion(prompt)}`;
}

/** Writes a call like `http_fetch GET https://example.com/ (method: "GET", url: "https://example.com")`. */
export function describeCall(tool: string, input: Json, target: string | null = null): string {
  const name =
    target === null ? tool : `${tool} ${escapeDeceptive(shorten(target, TARGET_CHARACTERS, TARGET_END_CHARACTERS))} `;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return `${name}(${formatValue(input)})`;
  const members = targetMembersFirst(Object.entries(input));
  const shown = members.slice(0, MEMBERS).map(([member, value]) => `${formatName(member)}: ${formatValue(value)}`);
  const hidden = members.length - shown.length;
  const note = hidden === 0 ? [] : [`and ${hidden} more ${hidden === 1 ? 'member' : 'members'}`];
  return `${name}(${[...shown, ...note].join(', ')})`;
}

function targetMembersFirst(members: readonly [string, Json][]): [string, Json][] {
  const rankOf = ([name]: [string, Json]) => {
    const rank = TARGET_MEMBERS.indexOf(name);
    return rank === -1 ? TARGET_MEMBERS.length : rank;
  };
  return [...members].sort((one, other) => rankOf(one) - rankOf(other));
}

function formatName(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : formatValue(name);
}

function formatValue(value: Json): string {
  const text = JSON.stringify(value);
  const shown = escapeDeceptive(shorten(text, MEMBER_CHARACTERS, MEMBER_END_CHARACTERS));
  const notes = [
    ...(text.length > MEMBER_CHARACTERS ? [`${text.length} characters`] : []),
    ...(typeof value === 'string' ? punycodeNote(value) : []),
  ];
  return notes.length === 0 ? shown : `${shown} (${notes.join(', ')})`;
}

/** Names the host of a URL as it is looked up, if the URL writes it in other letters. */
function punycodeNote(text: string): string[] {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return [];
  const { hostname } = new URL(text);
  return hostname.split('.').some((label) => label.startsWith('xn--')) ? [`host ${hostname}`] : [];
}

/** The beginning and the end of a long text. Splits no character. */
export function shorten(text: string, characters: number, endCharacters: number): string {
  if (text.length <= characters) return text;
  const beginning = text.slice(0, characters - endCharacters).replace(/[\ud800-\udbff]$/, '');
  const end = text.slice(-endCharacters).replace(/^[\udc00-\udfff]/, '');
  return `${beginning}…${end}`;
}
