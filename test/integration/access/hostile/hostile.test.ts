import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { startTestGateway } from '../../gateway.ts';
import { attack, isServed } from './attack.ts';

/** Another one each time; a failure names it, and this variable brings it back. */
const seed = Number(process.env.RUNTAPE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test('B63: random documents, bodies, frames, cursors and bytes: no crash, nothing of the inside, and every one is answered', async () => {
  process.stdout.write(`hostile: seed ${seed} (RUNTAPE_SEED=${seed} repeats it)\n`);
  const { url } = await startTestGateway();
  const report = await attack({ url, seed, documents: 300, long: 3 });
  process.stdout.write(`hostile: ${JSON.stringify(report)}\n`);
  expect(await isServed(url)).toBe(true);
  // Most documents mean something: else the test would be one of the parser alone.
  expect(report.documents?.['200'] ?? 0).toBeGreaterThan(100);
});

test('B63: nothing of what was asked fills the memory: the heap is level after the first round', async () => {
  const { url } = await startTestGateway();
  const heap: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    // A server may remember some of the right ones, which the first round shows, and nothing of the others.
    await attack({ url, seed: seed + 1000 * round, documents: 20, long: 5 });
    heap.push(heapMegabytes());
  }
  process.stdout.write(`hostile: ${heap.join(', ')} MB of heap after each round\n`);
  const [first = 0, ...later] = heap;
  expect(Math.max(...later) - first).toBeLessThan(15);
});

function heapMegabytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // Twice: what finalizers let go of is gone the second time.
  collect();
  collect();
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20);
}

test('B60: sockets that say nothing, readers that do not read, writers that do not write: others are served', async () => {
  const { url } = await startTestGateway();
  const { port, hostname } = new URL(url);
  const silent = Array.from({ length: 200 }, () => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    return socket.on('error', () => {});
  });
  const slow = Array.from({ length: 200 }, () => {
    const socket = connect(
      Number(port),
      hostname,
      () => void socket.write('POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n'),
    );
    return socket.on('error', () => {});
  });
  onTestFinished(() => {
    for (const socket of silent) socket.terminate();
    for (const socket of slow) socket.destroy();
  });
  expect(await isServed(url)).toBe(true);
  // Who does not even say hello is sent away: 4408, as the protocol has it.
  const [first] = silent;
  const code = await new Promise((resolve) => first?.once('close', resolve));
  expect(code).toBe(4408);
  expect(await isServed(url)).toBe(true);
});
