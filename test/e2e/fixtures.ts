import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { verifyDatabase } from '../../src/server/commands/verify.ts';
import { createTestClient, type TestClient } from '../client.ts';
import { FollowRunDocument } from '../generated/graphql.ts';
import { type Event, typesOf } from '../integration/conversation.ts';
import { withDeadline } from '../until.ts';
import { createServerFolder, type ServerFolder, type ServerProcess } from './server-process.ts';

/** A server folder that is disposed at the end of the test. */
export async function serverFolder(configuration?: unknown, program?: string, node?: string): Promise<ServerFolder> {
  const directory = await createServerFolder(configuration, program, node);
  onTestFinished(() => directory[Symbol.asyncDispose]());
  return directory;
}

/** Calls `work` with a client that is closed afterwards. */
export async function withClient<T>({ url }: ServerProcess, work: (client: TestClient) => Promise<T>): Promise<T> {
  await using client = createTestClient(url);
  return await work(client);
}

/**
 * The files, tapes and rows of the database in a server folder are intact. This is what the command `verify` checks, without the
 * CPU time of a process that loads the program.
 */
export async function expectIntact(folder: string): Promise<void> {
  const printed: string[] = [];
  const database = { databaseUrl: `file:${join(folder, 'data/runtape.db')}`, signingKey: null };
  const { faults, unchecked } = await verifyDatabase(database, {}, (line) => printed.push(line));
  expect({ faults, unchecked }, printed.join('\n')).toEqual({ faults: 0, unchecked: null });
}

export interface RunCollector {
  /** The events received so far. */
  events: Event[];
  /** Resolves with the first event for which `condition` is true. Rejects after 60 seconds, and when the test ends. */
  until(condition: (event: Event) => boolean): Promise<Event>;
  /** Resolves when the subscription has ended, whether it completed or failed. */
  ended: Promise<unknown>;
}

/** Follows a run and collects its events. What was collected stays available when the server dies. */
export function collectRun(client: TestClient, runId: string, after?: string): RunCollector {
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  const read = async () => {
    for await (const { runEvents } of client.follow(FollowRunDocument, { runId, after: after ?? null })) {
      events.push(runEvents);
      for (const check of waiting) check();
    }
  };
  const ended = read().catch((error: unknown) => error);
  return {
    events,
    ended,
    until(condition) {
      const received = new Promise<Event>((resolve) => {
        const check = () => {
          const event = events.find(condition);
          if (!event) return;
          waiting.delete(check);
          resolve(event);
        };
        waiting.add(check);
        check();
      });
      const description = () => `an event of ${runId} with ${condition}; received: ${typesOf(events).join(' ')}`;
      const testEnd = new Promise<void>((resolve) => onTestFinished(() => resolve()));
      return withDeadline(received, { description, seconds: 60, ended: testEnd });
    },
  };
}
