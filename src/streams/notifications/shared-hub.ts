import type { ChannelSubscription, NotificationChannel } from '../../database/database.ts';
import { createNotificationBatcher, emptyMessage, readMessage } from './batcher.ts';
import { createNotificationHub, type NotificationHub, type RunNotification } from './hub.ts';
import { createPoller, type PollerOptions } from './poller.ts';
import { createPresence } from './presence.ts';

export interface SharedHubOptions extends PollerOptions {
  notifications: NotificationChannel;
  /** Id of this server. */
  id: string;
  /** Notifications for other servers are collected for this time and sent together. */
  batchMilliseconds: number;
  /** Whether to use the channel; without it, other servers' events are found by polling. */
  notify: boolean;
  /** Called when notifications of other servers start or cease to arrive. */
  onState(state: DeliveryState): void;
}

export type DeliveryState = 'arriving' | 'polling';

/** A hub that also exchanges notifications with the other servers on the same database. */
export interface SharedNotificationHub extends NotificationHub {
  close(): Promise<void>;
}

/**
 *   publish ─▶ listeners of this server
 *          └─▶ collected for a few milliseconds ─▶ NOTIFY, if another server listens ─▶ listeners of the other servers
 *
 * While notifications do not arrive, it polls. When they arrive again, every topic is reported once for those that were lost.
 */
export function createSharedNotificationHub(options: SharedHubOptions): SharedNotificationHub {
  const { notifications, id, clock, batchMilliseconds, notify, onState, outage } = options;
  const hub = createNotificationHub();
  const poller = createPoller(hub, options);
  const send = (message: string) => notifications.send(message).then(outage.worked, outage.failed);
  const batcher = createNotificationBatcher(id, send);
  const presence = createPresence({ clock, announce: () => void send(emptyMessage(id)) });
  let isFlushScheduled = false;
  let subscription: ChannelSubscription | null = null;

  function flush(): void {
    isFlushScheduled = false;
    batcher.flush();
  }

  poller.start();
  if (notify) {
    subscription = notifications.listen({
      onMessage(message) {
        const read = readMessage(id, message);
        if (read === null) return;
        presence.heardFrom(read.senderId);
        read.notifications.forEach(hub.publish);
      },
      onState(arriving) {
        presence.setArriving(arriving);
        onState(arriving ? 'arriving' : 'polling');
        if (!arriving) return poller.start();
        poller.stop();
        hub.topics().forEach(hub.reportLoss);
      },
    });
  }

  function sendToOthers(notification: RunNotification): void {
    if (!notify || !presence.hasListeners()) return;
    batcher.add(notification);
    if (isFlushScheduled) return;
    isFlushScheduled = true;
    clock.after(batchMilliseconds, flush);
  }

  return {
    ...hub,
    publish(notification) {
      hub.publish(notification);
      sendToOthers(notification);
    },
    publishSession(sessionId) {
      hub.publishSession(sessionId);
      // In a message, the session takes the place of a run that nobody follows.
      sendToOthers({ runId: sessionId, sessionId, head: 0, events: null, hints: ['activity'] });
    },
    async close() {
      presence.setArriving(false);
      flush();
      await batcher.idle();
      // It reports that nothing arrives any more, which would start the poller.
      await subscription?.close();
      poller.stop();
    },
  };
}
