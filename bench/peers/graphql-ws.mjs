// @ts-check
// graphql-ws as its documentation sets it up: the subscription is executed for every subscriber and event.
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { listen } from '../processes/listening.mjs';
import { eventAt, onCommand, publishFor } from './events.mjs';

/** @typedef {{ queue: unknown[]; notify(): void; done: boolean }} Subscriber */
/** @type {Set<Subscriber>} */
const subscribers = new Set();

async function* follow() {
  /** @type {Subscriber} */
  const subscriber = { queue: [], notify: () => undefined, done: false };
  subscribers.add(subscriber);
  try {
    for (;;) {
      const event = subscriber.queue.shift();
      if (event !== undefined) yield { runEvents: event };
      else if (subscriber.done) return;
      else
        await new Promise((resolve) => {
          subscriber.notify = () => resolve(undefined);
        });
    }
  } finally {
    subscribers.delete(subscriber);
  }
}

const schema = createSchema({
  typeDefs: `
    interface TapeEvent { runId: ID! seq: Int! cursor: String! type: TapeEventType! }
    type OutputDeltaEvent implements TapeEvent { runId: ID! seq: Int! cursor: String! type: TapeEventType! text: String! }
    enum TapeEventType { OUTPUT_DELTA }
    type Query { ok: Boolean }
    type Subscription { runEvents(runId: ID!, types: [TapeEventType!]): TapeEvent! }`,
  resolvers: { Subscription: { runEvents: { subscribe: follow } } },
});

/** @param {number} seconds */
async function publish(seconds) {
  const all = [...subscribers];
  await publishFor(
    seconds,
    (seq) => {
      const event = eventAt(seq);
      for (const { queue } of all) queue.push(event);
      for (const { notify } of all) notify();
    },
    () => all.every(({ queue }) => queue.length === 0),
  );
  for (const subscriber of all) {
    subscriber.done = true;
    subscriber.notify();
  }
}

const server = createServer(onCommand(publish));
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));
listen(server);
