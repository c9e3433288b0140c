import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { startTestGateway } from '../../gateway.ts';
import { attack, isServed } from './attack.ts';

/** Random by default. A failure prints it; RUNTAPE_SEED repeats it. */
const seed = Number(process.env.RUNTAPE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test('B63: random documents, bodies, frames, cursors and bytes cause no crash, reveal no internals and all get a response', async () => {
  process.stdout.write(`hostile: seed ${seed} (RUNTAPE_SEED=${seed} repeats it)\n`);
  const { url } = await startTestGateway();
  const report = await attack({ url, seed, documents: 300, longDocuments: 3 });
  process.stdout.write(`hostile: ${JSON.stringify(report)}\n`);
  expect(await isServed(url)).toBe(true);
  // Most documents are valid; otherwise only the parser would be tested.
  expect(report.documents?.['200'] ?? 0).toBeGreaterThan(100);
});

test('B63: the heap does not grow after the first round of documents', async () => {
  const { url } = await startTestGateway();
  const heap: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    // The first round fills the cache of valid documents. Later rounds must not need more memory.
    await attack({ url, seed: seed + 1000 * round, documents: 20, longDocuments: 5 });
    heap.push(heapMegabytes());
  }
  process.stdout.write(`hostile: ${heap.join(', ')} MB heap after each round\n`);
  const [first = 0, ...later] = heap;
  expect(Math.max(...later) - first).toBeLessThan(15);
});

function heapMegabytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // The second collection frees what finalizers released in the first one.
  collect();
  collect();
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20);
}

test('B60: silent WebSockets and incomplete requests do not keep other clients from being served', async () => {
  const { url } = await startTestGateway();
  const { port, hostname } = new URL(url);
  const silent = Array.from({ length: 200 }, () => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    return socket.on('error', () => {});
  });
  const incomplete = Array.from({ length: 200 }, () => {
    const socket = connect(
      Number(port),
      hostname,
      () => void socket.write('POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n'),
    );
    return socket.on('error', () => {});
  });
  onTestFinished(() => {
    for (const socket of silent) socket.terminate();
    for (const socket of incomplete) socket.destroy();
  });
  expect(await isServed(url)).toBe(true);
  // graphql-transport-ws: 4408, connection initialisation timeout.
  const [first] = silent;
  const code = await new Promise((resolve) => first?.once('close', resolve));
  expect(code).toBe(4408);
  expect(await isServed(url)).toBe(true);
});
