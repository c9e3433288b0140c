import { expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../../simulation/random.ts';
import { startTroubledNetwork, type TroubledNetwork } from '../../troubled-network.ts';
import { entry, startGuarded } from '../access/accounts.ts';
import { follow, send, typesOf } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';
import { collect, openClient } from './clients.ts';
import { expectRow } from './compare-fold.ts';

const timing = { backOff: () => 5, idle: 0 };
const transports = ['websocket', 'sse'] as const;

async function network(url: string): Promise<TroubledNetwork> {
  const opened = await startTroubledNetwork(url, createRandom(1).next);
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

test('B78: a message whose answer is lost is sent again and makes one run', async () => {
  const { url, client } = await startTestGateway();
  let lost = 0;
  const losing: typeof fetch = async (...request) => {
    const response = await fetch(...request);
    if (String(request[1]?.body).includes('sendMessage') && lost++ < 3) {
      await response.text();
      throw new TypeError('fetch failed');
    }
    return response;
  };
  const tape = openClient(url, { fetch: losing, timing });
  const run = await tape.session('first').send('Hello');
  await run.done();
  const { body } = await client.post({ query: '{ runs(first: 10) { nodes { id } } }' });
  expect(body.data).toEqual({ runs: { nodes: [{ id: run.id }] } });
  expect(lost).toBe(4);
});

test.each(transports)(
  'B79: a token that expires is replaced, and what follows continues over %s',
  async (transport) => {
    const expiresAt = new Date(Date.now() + 3000).toISOString();
    const scopes = ['read', 'write'];
    const { url } = await startGuarded({
      auth: { mode: 'tokens', tokens: [entry('old', 'ada', scopes, { expiresAt }), entry('new', 'ada', scopes)] },
    });
    const given: string[] = [];
    const token = () => {
      // For the message and for the first connection.
      given.push(given.length < 2 ? 'old' : 'new');
      return given.at(-1) ?? null;
    };
    const tape = openClient(url, { transport, timing, token });
    const run = await tape.session('first').send('/pace 60\n/words 50');
    const events = await collect(run.events());
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: 'STATUS', to: 'DONE' });
    expect(new Set(given)).toEqual(new Set(['old', 'new']));
  },
);

test('a token that is refused is an error with the code UNAUTHENTICATED', async () => {
  const { url } = await startGuarded();
  const tape = openClient(url, { timing, token: () => 'wrong' });
  await expect(tape.session('first').send('Hello')).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    retryable: false,
  });
  await expect(tape.run('run_01ARZ3NDEKTSV4RRFFQ69G5FAV').done()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('B80: with WebSocket blocked everything works over server-sent events', async () => {
  const { url, client } = await startTestGateway();
  let attempts = 0;
  class BlockedSocket {
    readyState = 3;
    onopen = null;
    onmessage = null;
    onerror: ((event: never) => void) | null = null;
    onclose = null;
    constructor() {
      attempts += 1;
      queueMicrotask(() => this.onerror?.({} as never));
    }
    send() {}
    close() {}
  }
  const tape = openClient(url, { webSocket: BlockedSocket, timing });
  const run = await tape.session('first').send('/say one\n/call clock {}\n/then\n/say two');
  expect(typesOf((await collect(run.events())) as never)).toEqual(typesOf(await follow(client, run.id)));
  await run.done();
  await expectRow(client, run.state.get());
  expect(attempts).toBe(1);
});

test.each(transports)('a run is followed across an outage over %s, and `sync` says so', async (transport) => {
  const { url, client } = await startTestGateway();
  const proxy = await network(url);
  const tape = openClient(proxy.url, { transport, timing });
  const run = tape.run((await send(client, { sessionKey: 'first', text: '/pace 10\n/words 60' })).run.id);
  const states: string[] = [];
  run.sync.subscribe(() => states.push(run.sync.get().state));
  const events = collect(run.events());
  await until(() => run.state.get().text.includes('word-5'));
  const allow = proxy.refuse();
  await until(() => run.sync.get().state === 'offline');
  expect(tape.sync.get()).toMatchObject({ state: 'offline', error: { code: 'OFFLINE', retryable: true } });
  allow();
  expect(typesOf((await events) as never)).toEqual(typesOf(await follow(client, run.id)));
  await until(() => run.sync.get().state === 'live');
  expect(states.filter((state, index) => state !== states[index - 1])).toEqual(
    expect.arrayContaining(['live', 'offline', 'live']),
  );
  await expectRow(client, run.state.get());
});

test('what the server refuses is thrown with its code', async () => {
  const { url } = await startTestGateway();
  const tape = openClient(url);
  const run = await tape.session('first').send('/hang');
  await expect(tape.session('first').send('Hello', { whenBusy: 'REJECT' })).rejects.toMatchObject({
    code: 'SESSION_BUSY',
    retryable: true,
    refusal: { __typename: 'SessionBusyError', activeRun: { id: run.id } },
  });
  const missing = tape.run('run_01ARZ3NDEKTSV4RRFFQ69G5FAV');
  await expect(missing.done()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(missing.cancel()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(tape.query('{ nonsense }')).rejects.toMatchObject({ name: 'RuntapeError' });
  const failed = await tape.session('other').send('/fail MODEL_REFUSED');
  await expect(failed.done()).rejects.toMatchObject({ code: 'MODEL_REFUSED', retryable: false });
  await run.cancel('enough');
  await expect(run.done()).rejects.toMatchObject({ code: 'CANCELLED', message: expect.stringContaining('enough') });
  expect(await tape.query('{ gateway { journal } }')).toHaveProperty('gateway.journal');
});

test('B81: all readers of a run share one subscription, and none is left after the last', async () => {
  const { url, client } = await startTestGateway();
  const proxy = await network(url);
  const tape = openClient(proxy.url, { timing });
  const { run: sent } = await send(client, { sessionKey: 'first', text: '/pace 5\n/words 20' });
  const leaving = new AbortController();
  const readers = Array.from({ length: 20 }, () => collect(tape.run(sent.id).events()));
  const stops = Array.from({ length: 20 }, () => tape.run(sent.id).state.subscribe(() => {}));
  const aborted = collect(tape.run(sent.id).text({ signal: leaving.signal }));
  leaving.abort(new Error('left'));
  await expect(aborted).rejects.toThrow('left');
  const expected = typesOf(await follow(client, sent.id));
  for (const events of await Promise.all(readers)) expect(typesOf(events as never)).toEqual(expected);
  for (const stop of stops) stop();
  expect(proxy.counts.connections).toBe(1);
});

test('closing the client ends every iterator with CLOSED', async () => {
  const { url } = await startTestGateway();
  const tape = openClient(url, { timing });
  const run = await tape.session('first').send('/hang');
  const [events, done] = [collect(run.events()), run.done()];
  await until(() => run.state.get().state === 'IN_PROGRESS');
  await tape.close();
  await expect(events).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(done).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(tape.session('first').send('Hello')).rejects.toMatchObject({ code: 'CLOSED' });
});

test('two clients of one principal see the same run', async () => {
  const { url } = await startTestGateway();
  const [one, other] = [openClient(url), openClient(url, { transport: 'sse' })];
  const run = await one.session('first').send('/pace 2\n/words 20');
  const [own, others] = await Promise.all([collect(run.events()), collect(other.run(run.id).events())]);
  expect(others).toEqual(own);
});
