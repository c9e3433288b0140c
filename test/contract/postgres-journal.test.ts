import { expect, test } from 'vitest';
import { append, newRunId, opening } from './appends.ts';
import { databaseContract, refusalOf } from './database.contract.ts';
import { openStore } from './stores/postgres-store.ts';

databaseContract('Postgres', (onCommitted) => openStore(undefined, onCommitted), {
  duplicateEvent: 'Event_pkey',
  reference: 'fkey',
});

test('B23: tapes cannot be truncated', async () => {
  const { database, journal } = await openStore();
  await append(journal, newRunId(), 0, ...opening);
  expect(await refusalOf(database, 'TRUNCATE "Event"')).toBe('tape_is_append_only');
});
