import type { Clock } from '../../clock.ts';
import type { CurrentAuthentication } from './authentication/current-authentication.ts';
import type { Origins } from './origins.ts';

/** What every transport checks before it accepts a request or a connection. */
export interface Access {
  authentication: CurrentAuthentication;
  origins: Origins;
  clock: Clock;
}
