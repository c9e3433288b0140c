import type { Json } from '../domain/events.ts';
import { storableText } from '../domain/storable-text.ts';

/**
 * JSON with sorted keys, so that the same value gives the same text in every store, and the value that the text stands for:
 * NUL and lone surrogates are replaced, which Postgres refuses; keys named `__proto__` are dropped, which the schemas do when
 * it is read.
 */
export function canonicalJson(value: Json): { text: string; value: Json } {
  const text = write(value);
  // JSON writes the characters as escapes, so ordinary text costs one search.
  if (!unstorable.test(text)) return { text, value };
  const clean = storable(value);
  return { text: write(clean), value: clean };
}

/** A value as a tape gives it back, to the order of its keys: rows that are made of it are the same when they are rebuilt. */
export function canonicalValue(value: Json): Json {
  return JSON.parse(canonicalJson(value).text);
}

const unstorable = /\\u0000|\\ud[89a-f]|"__proto__"/;

function write(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${write(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

function storable(value: Json): Json {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).filter(([key]) => key !== '__proto__');
  return Object.fromEntries(members.map(([key, member]) => [storableText(key), storable(member)]));
}
