import type { LinkState } from './connection/connection.ts';
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

/** No attempt follows. */
export const failed = (error: RuntapeError): Sync => ({
  state: 'offline',
  since: new Date(),
  nextAttemptAt: null,
  error,
});

/** Of a value that is kept up to date over this link. `isCurrent`: it has everything that has arrived. */
export function syncOver(link: LinkState, isCurrent: boolean, behind: Sync = catchingUp): Sync {
  if (link.state === 'offline') return link;
  return link.state === 'open' && isCurrent ? live : behind;
}
