import { posix } from 'node:path';
import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Json } from '../domain/events.ts';

/** Cedar's own reader calls itself for each level. */
const LEVELS = 16;
/** Members that Cedar's JSON reads as entities and extension values: nothing that a model writes may become one. */
const reserved = ['__entity', '__extn', '__expr'];

/**
 * JSON as Cedar has it: an array is a set, a whole number a Long. What Cedar has no value for (null, other numbers, what
 * lies too deep) is a record `{ json: "…" }` with its text: it is there, and it equals and matches nothing else.
 */
export function cedarValue(value: Json, levels = LEVELS): CedarValueJson {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'boolean') return value;
  if (Number.isSafeInteger(value)) return value;
  if (typeof value !== 'object' || value === null || levels === 0) return asText(value);
  if (Array.isArray(value)) return value.map((element) => cedarValue(element, levels - 1));
  if (reserved.some((name) => Object.hasOwn(value, name))) return asText(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toWellFormed(), cedarValue(member, levels - 1)]),
  );
}

const asText = (value: Json): CedarValueJson => ({ json: JSON.stringify(value) });

/** The parts of `input.url`, as whoever connects to it reads them. Null where there is no absolute URL. */
export function urlOf(input: Json): CedarValueJson {
  const text = memberOf(input, 'url');
  if (text === null || !URL.canParse(text)) return null;
  const { protocol, hostname, port, pathname, search } = new URL(text);
  const scheme = protocol.slice(0, -1);
  return {
    scheme,
    host: hostname.toLowerCase().replace(/\.+$/, ''),
    port: port === '' ? (defaultPorts[scheme] ?? 0) : Number(port),
    path: pathname.startsWith('/') ? pathname : `/${pathname}`,
    query: search.slice(1),
  };
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * `input.path` without detours, so that no spelling of a path slips past a rule. Null where there is none, and where it has
 * a backslash: a part of a name to one system, a separator to another.
 */
export function pathOf(input: Json): CedarValueJson {
  const text = memberOf(input, 'path');
  return text === null || text.includes('\\') ? null : posix.normalize(text).replace(/(?<=.)\/$/, '');
}

function memberOf(input: Json, name: string): string | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return null;
  const member = Object.hasOwn(input, name) ? input[name] : null;
  return typeof member === 'string' ? member.toWellFormed() : null;
}
