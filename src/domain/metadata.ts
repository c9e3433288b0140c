import { createHash } from 'node:crypto';

/** Texts by keys, which a client gives to a session or a message. */
export type Metadata = Readonly<Record<string, string>>;

/** Null as a value deletes the key. */
export type MetadataChange = Readonly<Record<string, string | null>>;

export const noMetadata: Metadata = {};

/** Returns what a row stores: null for none. Equal metadata is stored as equal text. */
export function storedMetadata(metadata: Metadata): string | null {
  const keys = Object.keys(metadata).sort();
  return keys.length === 0 ? null : JSON.stringify(metadata, keys);
}

export function readMetadata(stored: string | null): Metadata {
  return stored === null ? noMetadata : JSON.parse(stored);
}

export function changeMetadata(metadata: Metadata, change: MetadataChange): Metadata {
  const merged = Object.entries({ ...metadata, ...change });
  return Object.fromEntries(merged.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

/** Identifies each key with its value. Rows are found by these digests. */
export function metadataDigests(metadata: Metadata): string[] {
  return Object.entries(metadata).map((entry) => createHash('sha256').update(JSON.stringify(entry)).digest('hex'));
}
