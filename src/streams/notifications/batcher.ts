import { z } from 'zod';
import { type Hint, hints } from './hints.ts';
import type { RunNotification } from './hub.ts';

/** Postgres allows less than 8,000 bytes. */
const MESSAGE_BYTES = 7_900;

/** Id of the sender, then the run, session, head and hints of each tape that has grown. Another release may have other hints. */
const messageSchema = z.tuple([z.string(), z.array(z.tuple([z.string(), z.string(), z.int(), z.array(z.string())]))]);

type Entry = [runId: string, sessionId: string, head: number, hints: Hint[]];

/** Collects notifications for other servers and sends the newest of each run, many in one message. */
export interface NotificationBatcher {
  add(notification: RunNotification): void;
  /** Starts to send what was collected. What is added during a send goes into the next message. */
  flush(): void;
  /** Resolves when nothing is being sent. */
  idle(): Promise<void>;
}

/** @param send must not reject */
export function createNotificationBatcher(
  senderId: string,
  send: (message: string) => Promise<void>,
): NotificationBatcher {
  const entriesByRun = new Map<string, Entry>();
  let sending: Promise<void> | null = null;

  async function sendAll(): Promise<void> {
    while (entriesByRun.size > 0) {
      for (const message of takeMessages()) await send(message);
    }
    sending = null;
  }

  function takeMessages(): string[] {
    const entries = [...entriesByRun.values()].map((entry) => JSON.stringify(entry));
    entriesByRun.clear();
    const overheadBytes = emptyMessage(senderId).length;
    const messages: string[][] = [];
    let bytes = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      bytes += entry.length + 1;
      if (bytes > MESSAGE_BYTES) {
        messages.push([]);
        bytes = overheadBytes + entry.length + 1;
      }
      messages.at(-1)?.push(entry);
    }
    return messages.map((parts) => `[${JSON.stringify(senderId)},[${parts.join(',')}]]`);
  }

  return {
    add({ runId, sessionId, head, hints: newHints }) {
      const earlierHints = entriesByRun.get(runId)?.[3] ?? [];
      entriesByRun.set(runId, [runId, sessionId, head, [...new Set<Hint>([...earlierHints, ...newHints])]]);
    },
    flush() {
      if (entriesByRun.size > 0) sending ??= sendAll();
    },
    async idle() {
      await sending;
    },
  };
}

/** A message without notifications, by which a server makes itself known. */
export const emptyMessage = (senderId: string) => JSON.stringify([senderId, []]);

/** The notifications of another server; null if the message is this server's own or malformed. */
export function readMessage(
  ownId: string,
  message: string,
): { senderId: string; notifications: RunNotification[] } | null {
  const parsed = messageSchema.safeParse(parseJson(message));
  if (!parsed.success || parsed.data[0] === ownId) return null;
  const [senderId, entries] = parsed.data;
  const notifications = entries.map(([runId, sessionId, head, sentHints]) => ({
    runId,
    sessionId,
    head,
    events: null,
    hints: hints.filter((hint) => sentHints.includes(hint)),
  }));
  return { senderId, notifications };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
