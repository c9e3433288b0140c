import { createClient } from 'graphql-sse';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../client.ts';
import { CancelRunDocument, FollowRunDocument } from '../../generated/graphql.ts';
import { converse, type Event, send } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';
import { seededRandom } from './random.ts';
import { askForStream, collect, eventIn, messagesOf, openStream } from './sse.ts';

const talkative = '/pace 1\n/words 60\n/call clock {}\n/then\n/words 60';

describe('an event stream', () => {
  test('B59: is understood by the client of graphql-sse in its default mode', async () => {
    const { client, url } = await startTestGateway();
    const { run } = await send(client, { sessionKey: 'sse', text: talkative });
    const sse = createClient({ url, headers: { 'x-principal': 'ada' }, retryAttempts: 0 });
    const events: Event[] = [];
    for await (const { data, errors } of sse.iterate<{ runEvents: Event }>({
      query: FollowRunDocument.toString(),
      variables: { runId: run.id },
    })) {
      expect(errors).toBeUndefined();
      if (data) events.push(data.runEvents);
    }
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: 'STATUS', to: 'DONE' });
    sse.dispose();
  });

  test('B25: has the cursor of each event as its id, and ends with a complete event', async () => {
    const { client, url } = await startTestGateway();
    const { runId, events } = await converse(client, { sessionKey: 'ids', text: 'Hello' });
    const response = await askForStream(url, { runId });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const messages = await collect(messagesOf(response));
    const nexts = messages.slice(0, -1);
    expect(nexts.map(({ event }) => event)).toEqual(events.map(() => 'next'));
    expect(nexts.map(({ id }) => id)).toEqual(events.map(({ cursor }) => cursor));
    expect(nexts.map(eventIn)).toEqual(events);
    expect(messages.at(-1)).toMatchObject({ event: 'complete' });
  });

  test('has ids even if the selection does not include the cursor', async () => {
    const { client, url } = await startTestGateway();
    const { runId, events } = await converse(client, { sessionKey: 'bare', text: 'Hello' });
    const query = 'subscription ($runId: ID!) { runEvents(runId: $runId) { seq } }';
    const messages = await collect(await openStream(url, { runId, query }));
    expect(messages.slice(0, -1).map(({ id }) => id)).toEqual(events.map(({ cursor }) => cursor));
  });

  test('B24: continues after Last-Event-ID with exactly the rest, wherever it is cut', async () => {
    const { client, url } = await startTestGateway();
    const random = seededRandom('event stream cut at random');
    let cuts = 0;
    for (let round = 0; round < 4; round += 1) {
      const { run } = await send(client, { sessionKey: 'cut', text: talkative });
      const seen: Event[] = [];
      for (let ended = false; !ended; cuts += 1) {
        const cut = new AbortController();
        const lastEventId = seen.at(-1)?.cursor;
        const stream = await openStream(url, { runId: run.id, lastEventId, signal: cut.signal, byGet: cuts % 2 === 0 });
        const messages = await collect(stream, random(12));
        cut.abort();
        seen.push(...messages.filter(({ event }) => event === 'next').map(eventIn));
        ended = messages.at(-1)?.event === 'complete';
      }
      const whole = await collect(await openStream(url, { runId: run.id }));
      expect(seen).toEqual(whole.slice(0, -1).map(eventIn));
    }
    expect(cuts).toBeGreaterThan(40);
  });
});

describe('a client that closes its event stream', () => {
  test('leaves no listener behind', async () => {
    const { client, url, gateway } = await startTestGateway();
    const { notifications } = gateway.parts;
    const { run } = await send(client, { sessionKey: 'leaving', text: '/hang' });
    await until(async () => gateway.parts.orchestrator.activeCount() === 1);
    const before = notifications.listeners();
    const controller = new AbortController();
    const streams = await Promise.all(
      Array.from({ length: 20 }, () => askForStream(url, { runId: run.id, signal: controller.signal })),
    );
    for (const stream of streams) await messagesOf(stream).next();
    await until(async () => notifications.listeners() === before + 20);
    controller.abort();
    await until(async () => notifications.listeners() === before);
    await client.send(CancelRunDocument, { input: { runId: run.id } });
  });
});

describe('a subscription that is refused', () => {
  test('has one result with the error, then completes', async () => {
    const { client, url } = await startTestGateway();
    const { runId } = await converse(client, { sessionKey: 'other', text: 'Hello' });
    const unknown = 'run_00000000000000000000000000';
    const refusedRequests = [
      { request: { runId: unknown }, code: 'NOT_FOUND', naming: unknown },
      { request: { runId, lastEventId: 'nonsense' }, code: 'BAD_USER_INPUT', naming: 'nonsense' },
      { request: { runId, after: 'nonsense' }, code: 'BAD_USER_INPUT', naming: 'nonsense' },
    ];
    for (const { request, code, naming } of refusedRequests) {
      const messages = await collect(await openStream(url, request));
      expect(messages.map(({ event }) => event)).toEqual(['next', 'complete']);
      const [error] = (JSON.parse(messages[0]?.data ?? '') as Answer).errors ?? [];
      expect(error).toMatchObject({ extensions: { code }, message: expect.stringContaining(naming) });
    }
  });

  test('is an error of the operation for the client of graphql-sse', async () => {
    const { url } = await startTestGateway();
    const sse = createClient({ url, retryAttempts: 0 });
    const results = sse.iterate({
      query: FollowRunDocument.toString(),
      variables: { runId: 'run_00000000000000000000000000' },
    });
    expect(await collect(results)).toMatchObject([{ errors: [{ extensions: { code: 'NOT_FOUND' } }] }]);
    sse.dispose();
  });

  test('because its document is invalid does not leave the stream open', async () => {
    const { url } = await startTestGateway();
    for (const query of ['subscription {', 'subscription { nothing }']) {
      const response = await askForStream(url, { runId: 'x', query });
      expect(await response.text()).toMatch(/Syntax Error|Cannot query field/);
    }
  });
});
