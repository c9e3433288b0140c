import { createClient as createBareClient } from 'graphql-ws';
import WebSocket from 'ws';
import { createClient } from '../../client/src/client.ts';
import { FollowRunDocument } from '../../client/src/generated/documents.ts';

/**
 * Events per second through the client beside those through graphql-ws alone, for the same document and the same tape:
 * `tsx test/soak/client-speed.ts <url of the API> <words> <rounds>`. The gateway must have no rate limit.
 */
const [url = 'http://127.0.0.1:4000/graphql', words = '5000', rounds = '7'] = process.argv.slice(2);

const tape = createClient({ url, webSocket: WebSocket });
const run = await tape.session(`speed ${Date.now()}`).send(`/pace 1\n/words ${words}`);
await run.done();

async function throughClient(): Promise<number> {
  const client = createClient({ url, webSocket: WebSocket });
  let count = 0;
  for await (const _ of client.run(run.id).events()) count += 1;
  await client.close();
  return count;
}

async function throughGraphqlWs(): Promise<number> {
  const client = createBareClient({ url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket });
  let count = 0;
  const results = client.iterate({ query: FollowRunDocument, variables: { runId: run.id } });
  for await (const { data } of results) {
    for (const _ of (data as { runEventBatches: { events: unknown[] } }).runEventBatches.events) count += 1;
  }
  await client.dispose();
  return count;
}

async function perSecond(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const count = await work();
  return (count / (performance.now() - start)) * 1000;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const own: number[] = [];
const bare: number[] = [];
for (let round = 0; round < Number(rounds); round += 1) {
  bare.push(await perSecond(throughGraphqlWs));
  own.push(await perSecond(throughClient));
}
console.log(
  `events a second: ${Math.round(median(own))} through the client, ${Math.round(median(bare))} through graphql-ws, ratio ${(median(own) / median(bare)).toFixed(2)}`,
);
await tape.close();
