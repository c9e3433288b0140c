import { create } from 'jsondiffpatch';

export interface JsonChange {
  path: string;
  /** As JSON, or plain for text; absent where it was added. */
  before?: string;
  /** Absent where it was removed. */
  after?: string;
}

const differ = create({
  arrays: { detectMove: false },
});

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** The differences of two JSON values, in the order of their paths. */
export function changesBetween(before: unknown, after: unknown): JsonChange[] {
  const changes: JsonChange[] = [];
  collect(differ.diff(before, after), '', changes);
  return changes;
}

/** An array means a changed value: [new], [old, new] or [old, 0, 0]. An object has the changes of its members. */
function collect(delta: unknown, path: string, changes: JsonChange[]): void {
  if (Array.isArray(delta)) {
    const where = path === '' ? '(all)' : path;
    if (delta.length === 1) changes.push({ path: where, after: shown(delta[0]) });
    else if (delta.length === 2) changes.push({ path: where, before: shown(delta[0]), after: shown(delta[1]) });
    else changes.push({ path: where, before: shown(delta[0]) });
  } else if (typeof delta === 'object' && delta !== null) {
    const isArray = '_t' in delta;
    for (const [key, value] of Object.entries(delta)) {
      if (key === '_t') continue;
      const name = isArray ? `[${key.replace('_', '')}]` : path === '' ? key : `.${key}`;
      collect(value, `${path}${name}`, changes);
    }
  }
}

export const isEqual = (one: unknown, other: unknown) => differ.diff(one, other) === undefined;
