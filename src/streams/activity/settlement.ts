import type { Clock } from '../../clock.ts';
import type { OpenWriter } from '../../database/open-writers.ts';

/** A transaction that delays the feed. */
export type Delay = Pick<OpenWriter, 'pid' | 'openSeconds'>;

export interface SettlementOptions {
  clock: Pick<Clock, 'elapsed'>;
  /** Resolves with the transactions that may hold a position that is not visible yet. */
  openWriters(): Promise<OpenWriter[]>;
  /** Called when one transaction has delayed the feed for this time, and again whenever the time has doubled. */
  delaySeconds: number;
  onDelay(delay: Delay): void;
}

/** Finds out up to which position the feed is settled: every change that will ever be there is visible to reads that start later. */
export interface Settlement {
  /**
   * Resolves with a settled position after `settled`, or null while a transaction is open that may add a change before it.
   * @param visible a position that a finished read has returned
   */
  settle(visible: number, settled: number): Promise<number | null>;
}

/**
 * Positions appear in another order than they were given, because a transaction takes a position some time before it commits. Why
 * a position is settled when every writer that was open after it became visible has ended:
 *
 * 1. The positions come from one sequence, without a cache for each connection. When a position is visible, every lower one has
 *    been given.
 * 2. An INSERT locks the table before it takes a position, and the lock is held until the transaction has ended. So each
 *    transaction that was given a lower position has either ended when `openWriters` reads the locks, or is in its result.
 * 3. A transaction releases its locks after it has become visible to new reads. So when none of these transactions holds its lock
 *    any more, a later read sees every change that they committed. What is missing then was rolled back.
 */
export function createSettlement({ clock, openWriters, delaySeconds, onDelay }: SettlementOptions): Settlement {
  let checked: { position: number; writers: ReadonlySet<string>; since: number; reportAfter: number } | null = null;

  function report(current: NonNullable<typeof checked>, [writer]: readonly OpenWriter[]): void {
    const seconds = (clock.elapsed() - current.since) / 1000;
    if (seconds < current.reportAfter || !writer) return;
    current.reportAfter = 2 * seconds;
    onDelay({ pid: writer.pid, openSeconds: Math.round(Math.max(writer.openSeconds, seconds)) });
  }

  return {
    async settle(visible, settled) {
      const open = await openWriters();
      if (checked !== null && checked.position <= settled) checked = null;
      checked ??= {
        position: visible,
        writers: new Set(open.map(({ id }) => id)),
        since: clock.elapsed(),
        reportAfter: delaySeconds,
      };
      const { position, writers } = checked;
      const remaining = open.filter(({ id }) => writers.has(id));
      if (remaining.length > 0) {
        report(checked, remaining);
        return null;
      }
      checked = null;
      return position;
    },
  };
}
