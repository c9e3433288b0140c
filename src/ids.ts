import { randomFillSync } from 'node:crypto';
import { decodeTime, isValid, monotonicFactory } from 'ulid';

/** The prefix of the ids of each kind. */
const prefixes = {
  session: 'ses',
  run: 'run',
  approval: 'apr',
  clientToolCall: 'ctc',
  question: 'que',
  budgetRequest: 'bud',
  agent: 'agt',
  memory: 'mem',
  compaction: 'cmp',
  grant: 'grt',
  storedText: 'txt',
  call: 'call',
  key: 'key',
  attachment: 'att',
  blob: 'blb',
  server: 'srv',
  error: 'err',
  auditEntry: 'aud',
} as const;

export type IdKind = keyof typeof prefixes;

/**
 * Creates an id like `run_01JD…`: the kind's prefix and a ULID. The ids of one factory sort in the order of their creation. An id
 * also sorts after `after`, if that is given, even if another server whose clock is ahead created it.
 */
export type NewId = (kind: IdKind, after?: string) => string;

/** @param now epoch milliseconds */
export function createIds(now: () => number): NewId {
  const next = monotonicFactory(createRandom());
  return (kind, after) => {
    const time = after === undefined ? now() : Math.max(now(), timeOfId(after) + 1);
    return `${prefixes[kind]}_${next(time)}`;
  };
}

const RANDOM_BYTES = 1024;

/** Returns random numbers, 0 ≤ number < 1, from bytes that are generated many at a time: an id needs one for each character. */
function createRandom(): () => number {
  const bytes = new Uint8Array(RANDOM_BYTES);
  let used = RANDOM_BYTES;
  return () => {
    if (used === RANDOM_BYTES) {
      randomFillSync(bytes);
      used = 0;
    }
    const byte = bytes[used] ?? 0;
    used += 1;
    return byte / 256;
  };
}

/** The kind of an id. Null if the text does not have the form of an id. */
export function kindOfId(id: string): IdKind | null {
  const separator = id.indexOf('_');
  const prefix = id.slice(0, separator);
  if (!isValid(id.slice(separator + 1))) return null;
  for (const [kind, candidate] of Object.entries(prefixes)) if (candidate === prefix) return kind as IdKind;
  return null;
}

/** The bounds of all ids of a kind, in every collation. */
export function idsOfKind(kind: IdKind): { gte: string; lt: string } {
  const prefix = prefixes[kind];
  const last = prefix.charCodeAt(prefix.length - 1);
  return { gte: prefix, lt: `${prefix.slice(0, -1)}${String.fromCharCode(last + 1)}` };
}

/** When the id was created, in epoch milliseconds. */
export function timeOfId(id: string): number {
  return decodeTime(id.slice(id.indexOf('_') + 1));
}
