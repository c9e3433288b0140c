import type { ChannelSubscription, NotificationChannel } from '../../database/database.ts';
import { createNotificationBatcher, readMessage } from './batcher.ts';
import { createNotificationHub, type NotificationHub, type RunNotification } from './hub.ts';
import { createPoller } from './poller.ts';

export interface SharedHubOptions {
  notifications: NotificationChannel;
  /** Of this server. */
  id: string;
  /** Calls back once, later; returns what calls it off. */
  timer(milliseconds: number, callback: () => void): () => void;
  /** Wake-ups for others are gathered for so long. */
  gatherMilliseconds: number;
  pollMilliseconds: number;
  /** Of the tapes that there are, seq of the newest event. */
  heads(runIds: string[]): Promise<ReadonlyMap<string, number>>;
  /** Whether to listen and to be heard; without, everything is found by polling. */
  notify: boolean;
  /** Wake-ups of others arrive from now on, or do not arrive any more. */
  onState(state: DeliveryState): void;
  /** Hears of each wake-up that could be sent or not, and of each look at the tapes. */
  outage: { failed(error: unknown): void; worked(): void };
}

export type DeliveryState = 'arriving' | 'polling';

/** A bus that reaches the other servers on the same database and is reached by them. */
export interface SharedNotificationHub extends NotificationHub {
  close(): Promise<void>;
}

/**
 *   publish ─▶ listeners here
 *          └─▶ gathered for a few milliseconds ─▶ NOTIFY ─▶ … ─▶ listeners of the other servers
 *
 * While notifications do not arrive, the tapes that somebody listens to are looked at instead, all in one statement, and
 * everybody who waits for more than one tape is told to look for himself. When they arrive again everybody looks once.
 */
export function createSharedNotificationHub(options: SharedHubOptions): SharedNotificationHub {
  const { notifications, id, timer, onState, outage } = options;
  const bus = createNotificationHub();
  const poller = createPoller({ ...options, bus });
  const outbox = createNotificationBatcher(id, (message) =>
    notifications.send(message).then(outage.worked, outage.failed),
  );
  let gathering = false;
  let stream: ChannelSubscription | null = null;

  const lookAll = () => bus.topics().forEach(bus.missed);

  function flush(): void {
    gathering = false;
    outbox.flush();
  }

  function announce(wake: RunNotification): void {
    outbox.add(wake);
    if (gathering) return;
    gathering = true;
    timer(options.gatherMilliseconds, flush);
  }

  poller.start();
  if (options.notify) {
    stream = notifications.listen({
      onMessage: (message) => readMessage(id, message).forEach(bus.publish),
      onState(arriving) {
        onState(arriving ? 'arriving' : 'polling');
        if (!arriving) return poller.start();
        poller.stop();
        lookAll();
      },
    });
  }

  return {
    ...bus,
    publish(wake) {
      bus.publish(wake);
      if (options.notify) announce(wake);
    },
    async close() {
      poller.stop();
      flush();
      await outbox.idle();
      await stream?.close();
    },
  };
}
