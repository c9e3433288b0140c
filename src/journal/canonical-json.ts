import type { Json } from '../domain/events.ts';
import { storableText } from '../domain/storable-text.ts';

/**
 * JSON text with sorted keys, so that equal values give equal texts and hashes, and the value that the text represents. NUL and
 * lone surrogates, which Postgres refuses, are replaced by U+FFFD. Keys named `__proto__` are dropped, as the schemas do on
 * reading.
 */
export function canonicalJson(value: Json): { text: string; value: Json } {
  const text = write(value);
  // JSON escapes the unstorable characters, so one search of the text finds them.
  if (!unstorable.test(text)) return { text, value };
  const clean = storable(value);
  return { text: write(clean), value: clean };
}

/** The value as it is read from a tape, with sorted keys. Rows made from it are the same when they are rebuilt from the tape. */
export function canonicalValue(value: Json): Json {
  return JSON.parse(canonicalJson(value).text);
}

const unstorable = /\\u0000|\\ud[89a-f]|"__proto__"/;

function write(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  let members = '';
  for (const key of Object.keys(value).sort()) {
    members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${write(value[key] ?? null)}`;
  }
  return `{${members}}`;
}

function storable(value: Json): Json {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).filter(([key]) => key !== '__proto__');
  return Object.fromEntries(members.map(([key, member]) => [storableText(key), storable(member)]));
}
