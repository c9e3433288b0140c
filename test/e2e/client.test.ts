import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { createClient } from '../../client/src/client.ts';
import { createTestClient } from '../client.ts';
import { expectRow } from '../integration/client/compare-fold.ts';
import { follow } from '../integration/conversation.ts';
import { withDeadline } from '../until.ts';
import { serverFolder } from './fixtures.ts';

test.each(['websocket', 'sse'] as const)(
  'B82: a run that is followed over %s continues when its server is killed and restarted',
  async (transport) => {
    const home = await serverFolder({ models: { scripted: { provider: 'scripted', paceMilliseconds: 20 } } });
    const first = await home.start();
    const tape = createClient({ url: first.url, transport, webSocket: WebSocket, timing: { backOff: () => 100 } });
    onTestFinished(() => tape.close());
    const run = await tape.session('killed').send('/words 60');

    let shown = '';
    let resets = 0;
    let killed = false;
    const reading = (async () => {
      for await (const { text, reset } of run.text()) {
        resets += reset ? 1 : 0;
        shown = reset ? text : shown + text;
        if (shown.includes('word-5 ') && resets === 0 && !killed) {
          killed = true;
          await first.stop('SIGKILL');
          await home.start({ PORT: new URL(first.url).port });
        }
      }
    })();
    const { output } = await withDeadline(run.done(), { description: 'the end of the run', seconds: 60 });
    await reading;
    expect(resets).toBe(1);
    expect(shown).toBe(output);
    expect(output).toMatch(/^word-1 word-2 .* word-60$/);

    const gateway = createTestClient(first.url);
    const events = await follow(gateway, run.id);
    expect(events.filter(({ type }) => type === 'RESUMPTION')).toHaveLength(1);
    await expectRow(gateway, run.state.get());
    await gateway[Symbol.asyncDispose]();
  },
);
