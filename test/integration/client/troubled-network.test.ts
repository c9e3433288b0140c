import { expect, onTestFinished, test } from 'vitest';
import type { RunHandle } from '../../../client/src/run/run-handle.ts';
import { createRandom } from '../../simulation/random.ts';
import { startTroubledNetwork } from '../../troubled-network.ts';
import { type Event, follow } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { collect, openClient } from './clients.ts';
import { expectRow } from './compare-fold.ts';

/** 10,000 with `npm run soak:client`. */
const cuts = Number(process.env.RUNTAPE_CUTS ?? 60);
const CLIENTS = 8;
/** How often each run is followed: once while it is executed, and then from the beginning again. */
const FOLLOWED = 10;
const message = '/pace 1\n/words 40\n/call clock {}\n/then\n/think Now the rest.\n/words 10';
const timing = {
  backOff: () => 1 + Math.random() * 5,
  quiet: 80,
  pong: 120,
  open: 500,
  answer: 500,
  silentStream: 300,
};

test(
  'B76: a network that cuts, freezes and delays at random loses and repeats no event, and the folds agree',
  async () => {
    const { client, url } = await startTestGateway();
    const seed = Number(process.env.RUNTAPE_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`troubled network: RUNTAPE_SEED=${seed}`);
    const trouble = { cutBytes: 40_000, freezes: 0.02, delays: 0.05, delayMilliseconds: 20 };
    const network = await startTroubledNetwork(url, createRandom(seed).next, trouble);
    onTestFinished(() => network[Symbol.asyncDispose]());

    let sent = 0;
    async function work(index: number): Promise<void> {
      const transport = index % 4 === 3 ? 'sse' : 'websocket';
      while (network.counts.cuts < cuts) {
        const tape = openClient(network.url, { transport, timing });
        const run = await tape.session(`troubled ${index}`).send(message);
        sent += 1;
        const expected = await follow(client, run.id);
        await expectWhole(run, expected);
        await expectRow(client, run.state.get());
        await tape.close();
        for (let count = 1; count < FOLLOWED; count += 1) {
          const other = openClient(network.url, { transport, timing });
          await expectWhole(other.run(run.id), expected);
          await other.close();
        }
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => work(index)));

    const { connections, freezes } = network.counts;
    console.log(
      `troubled network: ${network.counts.cuts} cuts, ${freezes} freezes, ${connections} connections, ${sent} runs`,
    );
    // A message whose answer was lost was sent again, and is one run.
    const { body } = await client.post({ query: '{ runs(first: 1) { totalCount } }' });
    expect(body.data).toEqual({ runs: { totalCount: sent } });
  },
  cuts * 150 + 60_000,
);

/** The events and the text that a client has are those of the server. */
async function expectWhole(run: RunHandle, expected: readonly Event[]): Promise<void> {
  const [events, text] = await Promise.all([collect(run.events()), collect(run.text()), run.done()]);
  const shown = ({ seq, cursor, type }: { seq: number; cursor: string; type: string }) => `${seq} ${cursor} ${type}`;
  expect(events.map(shown)).toEqual(expected.map(shown));
  const outputs = expected.flatMap((event) => (event.__typename === 'OutputEvent' ? [event.text] : []));
  expect(text.map((piece) => piece.text).join('')).toBe(outputs.join(''));
}
