import type { Server, ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';

/** The responses that a server has not finished. */
export interface OpenResponses {
  /** Makes these responses and all later ones carry `connection: close`. */
  endConnections(): void;
  /** Resolves when all are finished, or after the given time. */
  finished(milliseconds: number): Promise<void>;
}

export function trackResponses(server: Server, clock: Clock): OpenResponses {
  const open = new Set<ServerResponse>();
  let isEnding = false;
  let onEmpty = () => {};

  server.prependListener('request', (_request, response: ServerResponse) => {
    open.add(response);
    if (isEnding) response.shouldKeepAlive = false;
    response.once('close', () => {
      open.delete(response);
      if (open.size === 0) onEmpty();
    });
  });

  return {
    endConnections() {
      isEnding = true;
      for (const response of open) response.shouldKeepAlive = false;
    },
    finished(milliseconds) {
      if (open.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = clock.after(milliseconds, resolve);
        onEmpty = () => {
          cancel();
          resolve();
        };
      });
    },
  };
}
