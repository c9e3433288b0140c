import { decodeTime, isValid, monotonicFactory } from 'ulid';

/** Kind of a thing and the prefix that its ids carry. */
const prefixes = {
  session: 'ses',
  run: 'run',
  approval: 'apr',
  agent: 'agt',
  memory: 'mem',
  compaction: 'cmp',
  grant: 'grt',
  attachment: 'att',
  call: 'call',
  key: 'key',
  server: 'srv',
  error: 'err',
} as const;

export type IdKind = keyof typeof prefixes;

/**
 * Makes ids like `run_01JD…`; ids of one factory sort in the order in which they were made, and behind the id that is given:
 * the clock of another server may be ahead.
 */
export type NewId = (kind: IdKind, behind?: string) => string;

/** @param now epoch milliseconds */
export function createIds(now: () => number): NewId {
  const next = monotonicFactory();
  return (kind, behind) => {
    const time = behind === undefined ? now() : Math.max(now(), timeOfId(behind) + 1);
    return `${prefixes[kind]}_${next(time)}`;
  };
}

/** What kind of thing an id names, or null where it is not an id of ours. */
export function kindOfId(id: string): IdKind | null {
  const separator = id.indexOf('_');
  const prefix = id.slice(0, separator);
  if (!isValid(id.slice(separator + 1))) return null;
  for (const [kind, known] of Object.entries(prefixes)) if (known === prefix) return kind as IdKind;
  return null;
}

/** Epoch milliseconds at which the id was made. */
export function timeOfId(id: string): number {
  return decodeTime(id.slice(id.indexOf('_') + 1));
}
