import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { decideNextApproval, follow, send } from '../integration/conversation.ts';
import { createRandom } from '../simulation/random.ts';
import { startTroubledNetwork } from '../troubled-network.ts';
import { poll } from '../until.ts';
import { serverFolder, withClient } from './fixtures.ts';

const sources = join(import.meta.dirname, '../../client/src');

/** A program that follows a run, the messages of a session and what waits, and prints a line for each change. */
const program = `
import WebSocket from 'ws';
import { createClient } from ${JSON.stringify(join(sources, 'client.ts'))};
const [url, transport, runId] = process.argv.slice(1);
const timing = { quiet: 1000, pong: 1000, silentStream: 14_000, open: 2000, backOff: () => 100, answer: 2000 };
const tape = createClient({ url, transport, webSocket: WebSocket, timing });
const print = (line) => console.log(JSON.stringify(line));
const { messages } = tape.session('sleeping');
const waits = tape.waits();
messages.subscribe(() => print({ messages: messages.get().map(({ text, complete }) => text + (complete ? '.' : '…')) }));
waits.subscribe(() => print({ waits: waits.get().map(({ id }) => id) }));
messages.sync.subscribe(() => print({ sync: messages.sync.get().state }));
for await (const { seq } of tape.run(runId).events()) print({ seq });
print({ ended: true });
`;

/** A person is asked. */
const call = '/call http_fetch {"url":"https://example.com"}';

type Line = { seq?: number; messages?: string[]; waits?: string[]; sync?: string; ended?: true };

function startProgram(...parameters: string[]): { child: ChildProcess; lines: Line[] } {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const lines: Line[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const complete = (rest + text).split('\n');
    rest = complete.pop() ?? '';
    lines.push(...complete.map((line) => JSON.parse(line) as Line));
  });
  return { child, lines };
}

test.each(['websocket', 'sse'] as const)(
  'B76: a computer that sleeps while its connections over %s die has everything after it wakes up',
  async (transport) => {
    const home = await serverFolder({ models: { scripted: { provider: 'scripted', paceMilliseconds: 10 } } });
    const server = await home.start();
    const network = await startTroubledNetwork(server.url, createRandom(1).next);
    onTestFinished(() => network[Symbol.asyncDispose]());
    await withClient(server, async (client) => {
      const { run } = await send(client, { sessionKey: 'sleeping', text: `/words 100\n${call}\n/then\n/say awake` });
      const { child, lines } = startProgram(network.url, transport, run.id);
      const newest = <Name extends keyof Line>(name: Name) =>
        lines.findLast((line) => line[name] !== undefined)?.[name];
      await poll(() => (newest('seq') ?? 0) > 20 && newest('sync') === 'live', { seconds: 60 });

      // The computer sleeps: no timer fires, and nobody closes its connections.
      child.kill('SIGSTOP');
      network.freezeAll();
      const seen = lines.length;
      await decideNextApproval(client, run.id, 'DENY');
      const events = await follow(client, run.id);
      const later = await send(client, { sessionKey: 'sleeping', text: call });
      const asked = await follow(client, later.run.id, {
        isLast: ({ type }) => type === 'APPROVAL_REQUEST',
      });
      expect(lines.length - seen).toBeLessThan(events.length / 2);

      child.kill('SIGCONT');
      await poll(() => newest('ended') && newest('sync') === 'live' && newest('waits')?.length === 1, { seconds: 60 });
      expect(lines.flatMap(({ seq }) => seq ?? [])).toEqual(events.map(({ seq }) => seq));
      expect(newest('messages')).toEqual([
        `/words 100\n${call}\n/then\n/say awake.`,
        expect.stringMatching(/^word-1 .* word-100\.$/),
        'awake.',
        `${call}.`,
        '.',
      ]);
      expect(asked.at(-1)?.type).toBe('APPROVAL_REQUEST');
    });
  },
);
