import type { Clock } from '../../clock.ts';
import type { Authenticate } from './authentication/identity.ts';
import type { Origins } from './origins.ts';

/** What every transport asks before it lets somebody in. */
export interface Access {
  authenticate: Authenticate;
  origins: Origins;
  clock: Clock;
}
