import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dueAction } from '../../src/domain/retention.ts';

const DAY = 24 * 60 * 60 * 1000;
const now = Date.UTC(2026, 10, 27);

const days = fc.option(fc.integer({ min: 1, max: 100 }));
const periods = fc.record({ archiveAfterDays: days, purgeAfterDays: days });
const sessions = fc.record({
  // Near the limits as well.
  activeAt: fc
    .tuple(fc.integer({ min: -1, max: 101 }), fc.constantFrom(-1, 0, 1))
    .map(([idle, more]) => now - idle * DAY + more),
  isArchived: fc.boolean(),
  isOpen: fc.boolean(),
  hasBranches: fc.boolean(),
});

test('B108: retention archives and purges what is due, and nothing else', () => {
  fc.assert(
    fc.property(sessions, periods, (session, { archiveAfterDays, purgeAfterDays }) => {
      const due = dueAction(session, { archiveAfterDays, purgeAfterDays }, now);
      const idleDays = (now - session.activeAt) / DAY;
      const mayPurge = !session.isOpen && !session.hasBranches && purgeAfterDays !== null && idleDays >= purgeAfterDays;
      const mayArchive =
        !session.isOpen && !session.isArchived && archiveAfterDays !== null && idleDays >= archiveAfterDays;
      expect(due?.kind ?? null).toBe(mayPurge ? 'purge' : mayArchive ? 'archive' : null);
      // A session that is active by then is not touched.
      if (due) expect(session.activeAt).toBeLessThanOrEqual(due.idleSince);
    }),
    { numRuns: 2000 },
  );
});
