import { expect, test } from 'vitest';
import { createIds, idsOfKind } from '../../src/ids.ts';

test('the bounds of a kind contain its ids, and those of no other kind', () => {
  const newId = createIds(() => 0);
  const isWithin = (id: string) => id >= idsOfKind('approval').gte && id < idsOfKind('approval').lt;
  expect(isWithin(newId('approval'))).toBe(true);
  for (const kind of ['agent', 'run', 'session', 'call', 'compaction', 'memory'] as const) {
    expect([kind, isWithin(newId(kind))]).toEqual([kind, false]);
  }
});
