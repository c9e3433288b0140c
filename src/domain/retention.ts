const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Days without activity; null is never. */
export interface RetentionPeriods {
  archiveAfterDays: number | null;
  purgeAfterDays: number | null;
}

export interface RetainedSession {
  /** Epoch milliseconds of its last activity. */
  activeAt: number;
  isArchived: boolean;
  /** Whether it has a run that has not ended: one that waits its turn, is executed, or waits for a person. */
  isOpen: boolean;
  /** Whether other sessions show its history. */
  hasBranches: boolean;
}

/** What is due for a session; null if nothing is. `idleSince` is what its last activity must not be later than. */
export function dueAction(
  session: RetainedSession,
  { archiveAfterDays, purgeAfterDays }: RetentionPeriods,
  now: number,
): { kind: 'archive' | 'purge'; idleSince: number } | null {
  const isDue = (days: number | null): days is number =>
    days !== null && session.activeAt <= now - days * DAY_MILLISECONDS;
  if (session.isOpen) return null;
  if (!session.hasBranches && isDue(purgeAfterDays)) {
    return { kind: 'purge', idleSince: now - purgeAfterDays * DAY_MILLISECONDS };
  }
  if (!session.isArchived && isDue(archiveAfterDays)) {
    return { kind: 'archive', idleSince: now - archiveAfterDays * DAY_MILLISECONDS };
  }
  return null;
}
