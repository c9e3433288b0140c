import { createMemoryJournal } from '../memory-journal.ts';
import { journalContract } from './journal.contract.ts';
import { TAKEN, TAKEN_RULE } from './subject.ts';

journalContract('the journal in memory', async (onCommitted) => {
  const epochs = new Map<string, number>();
  const journal = createMemoryJournal(onCommitted, {
    epochOf: (runId) => epochs.get(runId) ?? null,
    refuse: ({ row }) => (row.key === TAKEN ? `UNIQUE constraint failed: ${TAKEN_RULE}.key` : null),
  });
  return {
    journal,
    keys: async () => journal.rows().map(({ row }) => String(row.key)),
    lease: async (runId, epoch) => void epochs.set(runId, epoch),
    close: async () => undefined,
  };
});
