// @ts-check
// graphql-ws as its documentation has it: every event is executed for every subscriber.
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { listen } from '../processes/listening.mjs';
import { eventAt, onCommand, publishFor } from './events.mjs';

/** @typedef {{ queue: unknown[]; wake(): void; done: boolean }} Subscriber */
/** @type {Set<Subscriber>} */
const subscribers = new Set();

async function* follow() {
  /** @type {Subscriber} */
  const own = { queue: [], wake: () => undefined, done: false };
  subscribers.add(own);
  try {
    for (;;) {
      const event = own.queue.shift();
      if (event !== undefined) yield { runEvents: event };
      else if (own.done) return;
      else
        await new Promise((resolve) => {
          own.wake = () => resolve(undefined);
        });
    }
  } finally {
    subscribers.delete(own);
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
      for (const { wake } of all) wake();
    },
    () => all.every(({ queue }) => queue.length === 0),
  );
  for (const subscriber of all) {
    subscriber.done = true;
    subscriber.wake();
  }
}

const server = createServer(onCommand(publish));
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));
listen(server);
