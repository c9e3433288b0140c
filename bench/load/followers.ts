import { setTimeout as sleep } from 'node:timers/promises';
import type { Crowd, Stage } from '../contestants/crowds.ts';
import { now } from '../measure/clock.ts';
import { openSocket, type PlainSocket } from './web-socket.ts';

export interface Delivered {
  /** Events that arrived, at all followers together. */
  deliveries: number;
  /** From the first to the last. */
  seconds: number;
  /** Bytes of them. */
  bytes: number;
  /** Followers that were not told of the end. */
  errors: number;
}

const PATIENCE_MILLISECONDS = 60_000;
const SETTLING_MILLISECONDS = 500;
/** Sockets that are opened at a time. */
const AT_A_TIME = 50;

const ack = Buffer.from('"connection_ack"');
const complete = Buffer.from('"complete"');
/** Where the type of a message stands at the latest. */
const HEAD_BYTES = 40;

/** Connects followers; each calls back with every event, and once more with null when its subscription is completed. */
export async function openFollowers(
  url: string,
  { subscription }: Pick<Stage, 'subscription'>,
  count: number,
  heard: (bytes: number | null) => void,
): Promise<PlainSocket[]> {
  const sockets: PlainSocket[] = [];
  const address = url.replace(/^http/, 'ws');
  const open = async () => {
    let subscribed: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      subscribed = resolve;
    });
    const socket: PlainSocket = await openSocket(address, subscription ? 'graphql-transport-ws' : null, {
      message(body) {
        const head = body.subarray(0, HEAD_BYTES);
        if (head.includes(complete)) heard(null);
        else if (!head.includes(ack)) heard(body.length);
        else {
          socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: subscription }));
          subscribed();
        }
      },
      closed: () => undefined,
    });
    sockets.push(socket);
    if (!subscription) return;
    socket.send('{"type":"connection_init"}');
    await ready;
  };
  for (let opened = 0; opened < count; opened += AT_A_TIME) {
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count - opened) }, open));
  }
  return sockets;
}

/** Lets many follow one run and counts what arrives. */
export async function deliver(crowd: Crowd, count: number, seconds: number): Promise<Delivered> {
  const stage = await crowd.stage(seconds);
  const { source } = stage;
  let [deliveries, bytes, ended, made, firstAt, lastAt] = [0, 0, 0, 1, 0, 0];
  let finish: () => void = () => undefined;
  /** While the newest event is being delivered the next one is on its way, so that nobody ever waits, and only one. */
  const goOn = () => {
    if (!source || made === 0 || deliveries <= (made - 1) * count) return;
    if (lastAt - firstAt > seconds * 1000) {
      source.end();
      made = 0;
    } else {
      source.next();
      made += 1;
    }
  };
  const sockets = await openFollowers(crowd.url, stage, count, (length) => {
    lastAt = now();
    if (firstAt === 0) firstAt = lastAt;
    if (length === null) {
      ended += 1;
      if (ended === count) finish();
    } else {
      deliveries += 1;
      bytes += length;
      goOn();
    }
  });
  // Nobody says that a subscription stands: a moment of quiet is taken for it.
  await sleep(SETTLING_MILLISECONDS);
  const end = new Promise<void>((resolve) => {
    finish = resolve;
    setTimeout(resolve, seconds * 1000 + PATIENCE_MILLISECONDS).unref();
  });
  await stage.begin();
  source?.next();
  await end;
  for (const socket of sockets) socket.close();
  return { deliveries, bytes, seconds: (lastAt - firstAt) / 1000, errors: count - ended };
}
