import { createTestClient, type TestClient } from '../client.ts';
import { FollowRunDocument } from '../generated/graphql.ts';
import type { Event } from '../integration/conversation.ts';
import type { ServerProcess } from './server-process.ts';

/** Runs what a client does, with a client that is closed afterwards. */
export async function withClient<T>({ url }: ServerProcess, work: (client: TestClient) => Promise<T>): Promise<T> {
  await using client = createTestClient(url);
  return await work(client);
}

export interface Witness {
  seen: Event[];
  /** Resolves when it has seen one that `enough` picks. */
  until(enough: (event: Event) => boolean): Promise<Event>;
  /** Resolves when the subscription is over, however that came about. */
  over: Promise<unknown>;
}

/** Follows a run and keeps what it sees, also when the server dies under it. */
export function witness(client: TestClient, runId: string, after?: string): Witness {
  const seen: Event[] = [];
  const waiting = new Set<() => void>();
  const read = async () => {
    for await (const { runEvents } of client.follow(FollowRunDocument, { runId, after: after ?? null })) {
      seen.push(runEvents);
      for (const look of waiting) look();
    }
  };
  const over = read().catch((error: unknown) => error);
  return {
    seen,
    over,
    until(enough) {
      return new Promise((resolve) => {
        const look = () => {
          const found = seen.find(enough);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
  };
}
