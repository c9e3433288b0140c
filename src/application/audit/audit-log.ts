import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import type { Database } from '../../database/database.ts';
import type { NewId } from '../../ids.ts';
import { createOutageLog, type Logger } from '../../logger.ts';
import { insertAuditEntry } from '../../repositories/audit-entries.ts';

/** What a principal or the gateway decided. */
type Decision =
  | 'approval-decided'
  | 'budget-decided'
  | 'question-answered'
  | 'client-tool-answered'
  | 'grant-revoked'
  | 'tool-accepted'
  | 'call-denied'
  | 'run-cancelled'
  | 'policy-changed';

/** What was refused. */
export type RefusedAttempt = 'decision-refused' | 'scope-missing' | 'sign-in-failed';

export interface AuditEntry<Event = Decision> {
  event: Event;
  /** Null if the gateway decided, or if the client is not known. */
  principal: string | null;
  /** IP address of the client, or of the proxy before it; null if it is not known. */
  address: string | null;
  /** The policy rules that decided; null if none did. */
  rule: string | null;
  /** Ids, names and outcomes. Never texts of users, models or tools. */
  details: Readonly<Record<string, string | number | boolean | null>>;
}

/** The record of who decided or tried what. */
export interface AuditLog {
  /** The row of a decision, for the transaction that makes the decision durable. */
  rowOf(entry: AuditEntry): RowWrite;
  /** Stores a decision that belongs to no append. Rejects with a StoreError. */
  record(entry: AuditEntry): Promise<void>;
  /**
   * Counts an attempt. Equal attempts within AUDIT_WINDOW_SECONDS are one entry with the details of the first one, and the number of
   * entries is limited, so that nobody fills the disk. They are stored at the end of that time; a crash loses them.
   */
  count(attempt: AuditEntry<RefusedAttempt>): void;
  /** Stores what was counted. */
  close(): Promise<void>;
}

interface AuditLogOptions {
  database: Pick<Database, 'commit'>;
  clock: Clock;
  newId: NewId;
  logger: Logger;
}

interface Counted {
  attempt: AuditEntry<RefusedAttempt>;
  firstAt: number;
  count: number;
}

export function createAuditLog({ database, clock, newId, logger }: AuditLogOptions): AuditLog {
  const counted = new Map<string, Counted>();
  const outage = createOutageLog(logger, 'storing refused attempts in the audit log');
  let cancelTimer: (() => void) | null = null;
  let flushing: Promise<void> = Promise.resolve();

  function rowAt(at: number, { details, ...entry }: AuditEntry<string>, count: number): RowWrite {
    return insertAuditEntry({
      ...entry,
      id: newId('auditEntry'),
      at: new Date(at),
      count,
      details: JSON.stringify(details),
    });
  }

  /** After a failure the attempts stay, and are stored with those of the next time. */
  async function flush(): Promise<void> {
    cancelTimer?.();
    cancelTimer = null;
    const entries = [...counted.entries()];
    if (entries.length === 0) return;
    counted.clear();
    try {
      await database.commit(entries.map(([, { attempt, firstAt, count }]) => rowAt(firstAt, attempt, count)));
      outage.worked();
    } catch (error) {
      outage.failed(error);
      for (const [key, { attempt, firstAt, count }] of entries) add(key, attempt, firstAt, count);
    }
  }

  function add(key: string, attempt: AuditEntry<RefusedAttempt>, firstAt: number, count: number): void {
    const known = counted.get(key);
    if (known) known.count += count;
    else counted.set(key, { attempt, firstAt, count });
    cancelTimer ??= clock.after(limits.AUDIT_WINDOW_SECONDS * 1000, () => {
      flushing = flush();
    });
  }

  return {
    rowOf: (entry) => rowAt(clock.now(), entry, 1),
    record: (entry) => database.commit([rowAt(clock.now(), entry, 1)]),
    count(attempt) {
      const { event, principal, address } = attempt;
      const key = keyOf(attempt);
      if (counted.has(key)) return add(key, attempt, clock.now(), 1);
      const others = [...counted.values()].filter((each) => each.attempt.event === event);
      const own = principal === null ? [] : others.filter((each) => each.attempt.principal === principal);
      const rest = { event, principal: null, address: null, rule: null, details: { others: true } };
      if (own.length >= limits.AUDIT_PRINCIPAL_ENTRIES) {
        return add(JSON.stringify([event, principal]), { ...rest, principal }, clock.now(), 1);
      }
      if (others.length < limits.AUDIT_WINDOW_ENTRIES) return add(key, attempt, clock.now(), 1);
      logger.debug({ event, principal, address }, 'too many different attempts; counted together');
      add(event, rest, clock.now(), 1);
    },
    async close() {
      await flushing;
      await flush();
    },
  };
}

/** Without ids that a client chooses: each attempt could have another one. */
function keyOf({ event, principal, address, details }: AuditEntry<RefusedAttempt>): string {
  return JSON.stringify([event, principal, address, details.reason ?? null]);
}
