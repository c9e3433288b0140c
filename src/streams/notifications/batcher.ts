import { z } from 'zod';
import type { Hint } from './hints.ts';
import type { RunNotification } from './hub.ts';

/** Postgres takes 8,000 bytes. */
const MESSAGE_BYTES = 7_900;

/** Sender, then of each tape that has grown its run, session, newest seq and signs. */
const messageSchema = z.tuple([
  z.string(),
  z.array(z.tuple([z.string(), z.string(), z.int(), z.array(z.enum(['work', 'end', 'question']))])),
]);

type Grown = z.infer<typeof messageSchema>[1][number];

/** Wake-ups of this server on their way to others: of each tape the newest alone. */
export interface NotificationBatcher {
  add(wake: RunNotification): void;
  /** Hands everything over. What can not be sent now is sent together with what comes meanwhile. */
  flush(): void;
  /** Resolves when nothing is on its way. */
  idle(): Promise<void>;
}

/** @param send must not reject */
export function createNotificationBatcher(
  sender: string,
  send: (message: string) => Promise<void>,
): NotificationBatcher {
  const waiting = new Map<string, Grown>();
  let sending: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      for (const message of takeMessages()) await send(message);
    }
    sending = null;
  }

  function takeMessages(): string[] {
    const entries = [...waiting.values()].map((entry) => JSON.stringify(entry));
    waiting.clear();
    const overhead = JSON.stringify([sender, []]).length;
    const messages: string[][] = [];
    let bytes = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      bytes += entry.length + 1;
      if (bytes > MESSAGE_BYTES) {
        messages.push([]);
        bytes = overhead + entry.length + 1;
      }
      messages.at(-1)?.push(entry);
    }
    return messages.map((parts) => `[${JSON.stringify(sender)},[${parts.join(',')}]]`);
  }

  return {
    add({ runId, sessionId, head, hints: signs }) {
      const before = waiting.get(runId)?.[3] ?? [];
      waiting.set(runId, [runId, sessionId, head, [...new Set<Hint>([...before, ...signs])]]);
    },
    flush() {
      if (waiting.size > 0) sending ??= drain();
    },
    async idle() {
      await sending;
    },
  };
}

/** Wake-ups that somebody else sent; none where the message is one's own, or not understood. */
export function readMessage(self: string, message: string): RunNotification[] {
  const parsed = messageSchema.safeParse(parseJson(message));
  if (!parsed.success || parsed.data[0] === self) return [];
  return parsed.data[1].map(([runId, sessionId, head, hints]) => ({ runId, sessionId, head, events: null, hints }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
