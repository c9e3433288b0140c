import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createEndOfTurn } from '../../../src/server/transport/end-of-turn.ts';
import { createSocketWriter, type Sender } from '../../../src/server/transport/socket-writer.ts';
import { createFakeSocket } from './socket-frames.ts';

const empty = Buffer.alloc(0);

/** A sender of these messages, which throws the errors among them. */
function createSender(...messages: (string | Error)[]) {
  const stops: unknown[] = [];
  let takes = 0;
  const sender: Sender = {
    take() {
      takes += 1;
      const message = messages.shift();
      if (message instanceof Error) throw message;
      return message === undefined ? undefined : [Buffer.from(message), empty, empty];
    },
    stop: (error) => stops.push(error),
  };
  return { sender, messages, stops, takes: () => takes };
}

function open(atEndOfTurn = createEndOfTurn(systemClock)) {
  const fake = createFakeSocket();
  return { ...fake, writer: createSocketWriter(fake.socket, fake.stream, atEndOfTurn) };
}

describe('messages', () => {
  test.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('of %i bytes are one frame', async (size) => {
    const { writer, writes, texts } = open();
    const text = 'x'.repeat(size);
    writer.schedule(createSender(text).sender);
    await setImmediate();
    // Long ones are not copied into one piece.
    expect(writes.length > 1).toBe(size > 65_535);
    expect(texts()).toEqual([text]);
  });

  test.each([10, 70_000])('of many parts with %i bytes each are one frame', async (size) => {
    const { writer, texts } = open();
    const parts = ['x', '😀', 'y'].map((text) => Buffer.from(text.repeat(size)));
    const messages = [[Buffer.from('a'), parts, Buffer.from('b')] as const];
    writer.schedule({ take: () => messages.shift(), stop() {} });
    writer.schedule(createSender('next').sender);
    await setImmediate();
    await setImmediate();
    expect(texts()).toEqual([`a${Buffer.concat(parts)}b`, 'next']);
  });

  test('are measured in bytes, not characters, and joined from their parts', async () => {
    const { writer, texts } = open();
    const parts = [Buffer.from('{"ü":"'), Buffer.from('😀'.repeat(40)), Buffer.from('"}')] as const;
    const messages = [parts];
    writer.schedule({ take: () => messages.shift(), stop() {} });
    await setImmediate();
    expect(texts()).toEqual([Buffer.concat(parts).toString()]);
  });

  test('of all senders in one turn go out in one write', async () => {
    const { writer, writes, texts } = open();
    const one = createSender('1a');
    const two = createSender('2a', '2b');
    for (const { sender } of [one, two, one]) writer.schedule(sender);
    one.messages.push('1b');
    await setImmediate();
    expect(writes).toHaveLength(1);
    expect(texts()).toEqual(['1a', '1b', '2a', '2b']);
    writer.schedule(one.sender);
    one.messages.push('1c');
    await setImmediate();
    expect(texts().slice(4)).toEqual(['1c']);
  });

  test('of a sender with many do not delay other senders', async () => {
    const { writer, texts } = open();
    writer.schedule(createSender(...Array.from({ length: 100 }, (_, n) => `${n} ${'x'.repeat(1000)}`)).sender);
    writer.schedule(createSender('small').sender);
    for (let turn = 0; turn < 40; turn += 1) await setImmediate();
    const sent = texts();
    expect(sent).toHaveLength(101);
    expect(sent.indexOf('small')).toBeLessThan(15);
    expect(sent.filter((text) => text !== 'small').map((text) => Number.parseInt(text, 10))).toEqual([
      ...Array(100).keys(),
    ]);
  });
});

describe('B27: a client that stalls', () => {
  test('keeps one write in memory; no message is taken until it reads again', async () => {
    const { writer, stall, drain, writes, texts } = open();
    const { sender, takes } = createSender(...Array.from({ length: 100 }, () => 'x'.repeat(1000)));
    stall();
    writer.schedule(sender);
    for (let turn = 0; turn < 5; turn += 1) {
      await setImmediate();
      writer.schedule(sender);
    }
    expect([writes.length, takes()]).toEqual([1, 9]);
    expect(writes[0]?.length).toBeLessThan(10_000);
    drain();
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(texts()).toHaveLength(100);
  });

  test('does not delay other clients', async () => {
    const atEndOfTurn = createEndOfTurn(systemClock);
    const [stalled, other] = [open(atEndOfTurn), open(atEndOfTurn)];
    stalled.stall();
    stalled.writer.schedule(createSender('a', 'b').sender);
    other.writer.schedule(createSender('a').sender);
    await setImmediate();
    const late = createSender('c');
    stalled.writer.schedule(late.sender);
    other.writer.schedule(createSender('b').sender);
    await setImmediate();
    expect([other.texts(), stalled.texts(), late.takes()]).toEqual([['a', 'b'], ['a', 'b'], 0]);
  });
});

test('a sender that fails is stopped, and no other', async () => {
  const atEndOfTurn = createEndOfTurn(systemClock);
  const [here, elsewhere] = [open(atEndOfTurn), open(atEndOfTurn)];
  const failure = new Error('not serialisable');
  const failing = createSender('fine', failure);
  here.writer.schedule(failing.sender);
  here.writer.schedule(createSender('good').sender);
  elsewhere.writer.schedule(createSender('elsewhere').sender);
  await setImmediate();
  expect([failing.stops, here.texts(), elsewhere.texts()]).toEqual([[failure], ['fine', 'good'], ['elsewhere']]);
});

test('no message is taken for a socket that closes', async () => {
  const { writer, close, writes } = open();
  const { sender, stops, takes } = createSender('late');
  writer.schedule(sender);
  close();
  await setImmediate();
  expect([stops, takes(), writes]).toEqual([[null], 0, []]);
});
