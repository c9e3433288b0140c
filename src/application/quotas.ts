import { createBoundedCache } from '../bounded-cache.ts';
import { AMPLE_BYTES, CACHED_QUOTAS, QUOTA_SECONDS } from '../config/limits.ts';
import type { QuotaLimits } from '../config/storage-config.ts';
import type { RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { quotaReached, type RefusalOf } from '../domain/refusal.ts';
import { expectSessions, storedInSessions } from '../repositories/stored-amounts.ts';

/** What a command adds to what its principal has stored. */
interface Addition {
  /** What the command itself stores; undefined if it stores nothing that counts in bytes. */
  bytes?: number;
  /** Whether it creates a session. */
  session?: boolean;
}

export interface Quotas {
  limitsOf(principal: string): QuotaLimits;
  /**
   * Refuses what the quota of a principal does not allow any more. A run is counted when it ends, so a message is refused once the
   * quota is used up, and runs in progress go on.
   */
  check(principal: string, addition: Addition): Promise<RefusalOf<'limit-exceeded'> | null>;
  /** The row that fails the creation of a session if others use up the quota at the same time. Then `check` refuses it. */
  sessionRows(principal: string): RowWrite[];
}

/** @param options.now epoch milliseconds */
export function createQuotas({
  database,
  limitsOf,
  now,
}: Pick<Quotas, 'limitsOf'> & { database: Database; now(): number }): Quotas {
  /** Until when principals with many bytes left are not counted again: counting takes longer with many sessions. */
  const enoughUntil = createBoundedCache<number>(CACHED_QUOTAS);

  return {
    limitsOf,
    async check(principal, { bytes, session = false }) {
      const limits = limitsOf(principal);
      const maxBytes = bytes === undefined ? null : limits.maxStoredBytes;
      const maxSessions = session ? limits.maxSessions : null;
      if (maxSessions === null && (maxBytes === null || (bytes === 0 && now() < (enoughUntil.get(principal) ?? 0)))) {
        return null;
      }
      const used = await storedInSessions(database, principal);
      if (maxSessions !== null && used.sessions >= maxSessions) {
        return tooManySessions({ used: used.sessions, allowed: maxSessions });
      }
      if (maxBytes === null) return null;
      if (used.storedBytes >= maxBytes || used.storedBytes + (bytes ?? 0) > maxBytes) {
        return tooManyBytes({ used: used.storedBytes, allowed: maxBytes }, bytes ?? 0);
      }
      if (used.storedBytes + AMPLE_BYTES <= maxBytes) enoughUntil.set(principal, now() + QUOTA_SECONDS * 1000);
      else enoughUntil.delete(principal);
      return null;
    },
    sessionRows(principal) {
      const { maxSessions } = limitsOf(principal);
      return maxSessions === null ? [] : [expectSessions({ owner: principal, most: maxSessions })];
    },
  };
}

const ADVICE = 'Purge sessions that are no longer needed.';

const tooManySessions = (amounts: { used: number; allowed: number }) =>
  quotaReached('sessionsPerOwner', amounts, 'sessions are stored, archived ones included', ADVICE);

const tooManyBytes = (amounts: { used: number; allowed: number }, bytes: number) =>
  quotaReached(
    'storedBytesPerOwner',
    amounts,
    'bytes are stored',
    bytes === 0 ? ADVICE : `${bytes} more do not fit. ${ADVICE}`,
  );
