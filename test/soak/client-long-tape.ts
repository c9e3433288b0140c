import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import WebSocket from 'ws';
import { createClient } from '../../client/src/client.ts';
import { createServerFolder } from '../e2e/server-process.ts';
import { writeLongTapes } from './long-tape.ts';

/**
 * Reads tapes of 100,000 events, or of the number given as an argument, through the client: as events, as the fold of the run, and
 * with a reader that pauses. Prints time and memory, and fails if an event is missing.
 */
const [count = '100000'] = process.argv.slice(2);
const transports = ['websocket', 'sse'] as const;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedMegabytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

await using home = await createServerFolder();
const databaseUrl = `file:${join(home.folder, 'long.db')}`;
const tapes = await writeLongTapes(databaseUrl, Number(count), ['deltas', 'calls']);
const server = await home.start({ DATABASE_URL: databaseUrl });

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Not as expected: ${what}`);
}

async function measure(name: string, read: (client: ReturnType<typeof createClient>) => Promise<void>): Promise<void> {
  const before = usedMegabytes();
  const start = performance.now();
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage().heapUsed / 2 ** 20);
  }, 20);
  const client = createClient({ url: server.url, webSocket: WebSocket });
  await read(client);
  const seconds = (performance.now() - start) / 1000;
  clearInterval(sampling);
  const after = usedMegabytes();
  await client.close();
  const memory = `${Math.round(after - before)} MiB kept, ${Math.round(Math.max(0, most - before))} MiB at most with garbage`;
  console.log(`${name}: ${seconds.toFixed(1)} s, ${Math.round(Number(count) / seconds)} events a second, ${memory}`);
}

for (const { runId, kind } of tapes) {
  for (const transport of transports) {
    await measure(`${kind}, events over ${transport}`, async () => {
      const client = createClient({ url: server.url, transport, webSocket: WebSocket });
      let seq = 0;
      for await (const event of client.run(runId).events()) check(event.seq === ++seq, `seq ${event.seq} after ${seq}`);
      check(seq === Number(count), `${seq} events`);
      await client.close();
    });
  }
  await measure(`${kind}, fold`, async (client) => {
    const run = client.run(runId);
    await run.done();
    const { head, state, messages } = run.state.get();
    check(head === Number(count) && state === 'DONE' && messages.length > 1, `${state} at ${head}`);
  });
  await measure(`${kind}, a reader that pauses for 2 seconds beside one that does not`, async (client) => {
    const run = client.run(runId);
    const slow = run.events();
    await slow.next();
    await run.done();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    let seq = 1;
    for await (const event of slow) check(event.seq === ++seq, `seq ${event.seq} after ${seq}`);
    check(seq === Number(count), `${seq} events`);
  });
}
