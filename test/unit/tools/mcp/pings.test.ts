import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { expect, test } from 'vitest';
import { nextTurn, systemClock } from '../../../../src/clock.ts';
import { connect } from '../../../../src/tools/mcp/connection.ts';

/** A connection whose server sends an answer that nobody asked for after each ping, and a clock that passes by hand. */
async function connectToConfusing() {
  const [own, other] = InMemoryTransport.createLinkedPair();
  let pings = 0;
  const serverInfo = { name: 'confusing', version: '1' };
  const results: Record<string, object> = {
    initialize: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo },
    ping: {},
  };
  const sendUnasked = () => other.send({ jsonrpc: '2.0', id: 'never-asked', result: {} });
  other.onmessage = async (message) => {
    if (!('method' in message) || !('id' in message)) return;
    await other.send({ jsonrpc: '2.0', id: message.id, result: { ...results[message.method] } });
    if (message.method !== 'ping') return;
    pings += 1;
    await nextTurn();
    await sendUnasked();
  };
  const timers: (() => void)[] = [];
  const sleep = (_milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', () => reject(signal.reason));
      timers.push(resolve);
    });
  const channel = { transport: own, failure: () => null, detectsLoss: false, close: () => own.close() };
  const log = { debug() {}, info() {}, warn() {} };
  await connect(channel, { clock: { ...systemClock, sleep }, log, version: '1', onToolsChanged() {} });
  return {
    channel,
    sendUnasked,
    pings: () => pings,
    passTimers: () => {
      for (const resolve of timers.splice(0)) resolve();
    },
  };
}

const someTurns = async () => {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
};

test('B60: a server that sends invalid messages is pinged at once, and then again after a pause', async () => {
  const server = await connectToConfusing();
  expect(server.pings()).toBe(0);
  await server.sendUnasked();
  await someTurns();
  expect(server.pings()).toBe(1);
  server.passTimers();
  await someTurns();
  expect(server.pings()).toBe(2);
  await server.channel.close();
});
