// @ts-check
// The upper limit: `ws` alone, with one text for all clients.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { listen } from '../processes/listening.mjs';
import { eventAt, onCommand, publishFor } from './events.mjs';

/** @param {number} seconds */
async function publish(seconds) {
  const clients = [...sockets.clients];
  await publishFor(
    seconds,
    (seq) => {
      const { runId: _runId, ...event } = eventAt(seq);
      const text = JSON.stringify({ id: '1', type: 'next', payload: { data: { runEvents: event } } });
      for (const client of clients) client.send(text);
    },
    () => clients.every((client) => client.bufferedAmount === 0),
  );
  for (const client of clients) client.send('{"id":"1","type":"complete"}');
}

const server = createServer(onCommand(publish));
const sockets = new WebSocketServer({ server });
listen(server);
