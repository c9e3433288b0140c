import type { RuntapeError } from './runtape-error.ts';

/** How far a value is from what the gateway has. */
export type Sync =
  | { state: 'live' }
  /** `progress` from 0 to 1; null when the length is not known. */
  | { state: 'catching-up'; progress: number | null }
  /** `nextAttemptAt` is null when no attempt follows. */
  | { state: 'offline'; since: Date; nextAttemptAt: Date | null; error: RuntapeError };

export const live: Sync = { state: 'live' };
export const catchingUp: Sync = { state: 'catching-up', progress: null };
