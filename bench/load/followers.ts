import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../measure/clock.ts';
import type { FanoutServer, FollowedRun } from '../systems/fanout.ts';
import { openSocket, type RawWebSocket } from './web-socket.ts';

export interface DeliveryResult {
  /** Events received by all followers together. */
  deliveries: number;
  /** From the first to the last. */
  seconds: number;
  bytes: number;
  /** Followers whose subscription was not completed. */
  errors: number;
}

const TIMEOUT_MILLISECONDS = 60_000;
const SETTLE_MILLISECONDS = 500;
/** Sockets that are opened at the same time. */
const OPENED_TOGETHER = 50;

const ack = Buffer.from('"connection_ack"');
const complete = Buffer.from('"complete"');
/** The type is within the first bytes of a message. */
const TYPE_BYTES = 40;

/** Connects followers. Each calls `onEvent` with the length of every event, and with null when its subscription is completed. */
export async function openFollowers(
  url: string,
  { subscription }: Pick<FollowedRun, 'subscription'>,
  count: number,
  onEvent: (bytes: number | null) => void,
): Promise<RawWebSocket[]> {
  const sockets: RawWebSocket[] = [];
  const address = url.replace(/^http/, 'ws');
  const open = async () => {
    let onSubscribed: () => void = () => undefined;
    const subscribed = new Promise<void>((resolve) => {
      onSubscribed = resolve;
    });
    const socket: RawWebSocket = await openSocket(address, subscription ? 'graphql-transport-ws' : null, {
      message(body) {
        const beginning = body.subarray(0, TYPE_BYTES);
        if (beginning.includes(complete)) onEvent(null);
        else if (!beginning.includes(ack)) onEvent(body.length);
        else {
          socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: subscription }));
          onSubscribed();
        }
      },
      closed: () => undefined,
    });
    sockets.push(socket);
    if (!subscription) return;
    socket.send('{"type":"connection_init"}');
    await subscribed;
  };
  for (let opened = 0; opened < count; opened += OPENED_TOGETHER) {
    await Promise.all(Array.from({ length: Math.min(OPENED_TOGETHER, count - opened) }, open));
  }
  return sockets;
}

/** Lets many followers follow one run, and counts what they receive. */
export async function measureDeliveries(server: FanoutServer, count: number, seconds: number): Promise<DeliveryResult> {
  const run = await server.createRun(seconds);
  const { source } = run;
  let [deliveries, bytes, completed, requested, firstAt, lastAt] = [0, 0, 0, 1, 0, 0];
  let finish: () => void = () => undefined;
  /** Requests one event in advance while the newest one is being delivered, so that no follower waits for the source. */
  const requestNext = () => {
    if (!source || requested === 0 || deliveries <= (requested - 1) * count) return;
    if (lastAt - firstAt > seconds * 1000) {
      source.end();
      requested = 0;
    } else {
      source.next();
      requested += 1;
    }
  };
  const sockets = await openFollowers(server.url, run, count, (length) => {
    lastAt = now();
    if (firstAt === 0) firstAt = lastAt;
    if (length === null) {
      completed += 1;
      if (completed === count) finish();
    } else {
      deliveries += 1;
      bytes += length;
      requestNext();
    }
  });
  // The protocol does not confirm a subscription.
  await sleep(SETTLE_MILLISECONDS);
  const end = new Promise<void>((resolve) => {
    finish = resolve;
    setTimeout(resolve, seconds * 1000 + TIMEOUT_MILLISECONDS).unref();
  });
  await run.begin();
  source?.next();
  await end;
  for (const socket of sockets) socket.close();
  return { deliveries, bytes, seconds: (lastAt - firstAt) / 1000, errors: count - completed };
}
