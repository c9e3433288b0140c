import type { ChannelListener, NotificationChannel } from '../../src/database/database.ts';
import { StoreError } from '../../src/database/store-error.ts';
import type { Faults } from './connection.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** The messages between the servers: delayed, reordered and lost. */
export interface Network {
  channelOf(host: Host): NotificationChannel;
  /** Ends the server's connection: messages are lost until it is restored. */
  disconnect(host: Host): void;
  reconnect(host: Host): void;
}

interface Subscriber {
  host: Host;
  listener: ChannelListener;
  isConnected: boolean;
}

export function createNetwork(timeline: Timeline, random: Random, faults: Faults): Network {
  const subscribers = new Set<Subscriber>();
  const isReachable = (host: Host) => !faults.isDatabaseDown && !faults.cutOff.has(host);

  function setConnected(host: Host, isConnected: boolean): void {
    for (const subscriber of subscribers) {
      if (subscriber.host !== host || subscriber.isConnected === isConnected) continue;
      subscriber.isConnected = isConnected;
      host.after(0, () => {
        if (subscriber.isConnected === isConnected) subscriber.listener.onState(isConnected);
      });
    }
  }

  function deliver(message: string): void {
    for (const { host, listener, isConnected } of subscribers) {
      if (!isConnected || random.chance(faults.lostMessages)) continue;
      host.after(random.chance(0.05) ? random.int(10, 2000) : random.next() * 10, () => listener.onMessage(message));
    }
  }

  return {
    channelOf: (host) => ({
      send: (message) =>
        new Promise((resolve, reject) => {
          if (host.isKilled()) return;
          timeline.after(1, () => {
            const isSent = isReachable(host);
            if (isSent) deliver(message);
            host.after(1, () => (isSent ? resolve() : reject(new StoreError('unavailable', 'simulated'))));
          });
        }),
      listen(listener) {
        const subscriber: Subscriber = { host, listener, isConnected: false };
        subscribers.add(subscriber);
        host.after(5, () => isReachable(host) && setConnected(host, true));
        return {
          async close() {
            subscribers.delete(subscriber);
          },
        };
      },
    }),
    disconnect: (host) => setConnected(host, false),
    reconnect: (host) => isReachable(host) && setConnected(host, true),
  };
}
