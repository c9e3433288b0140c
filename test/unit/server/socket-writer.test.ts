import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createSocketWriter, type Sender } from '../../../src/server/transport/socket-writer.ts';
import { createFakeSocket } from './socket-frames.ts';

const nothing = Buffer.alloc(0);

/** A sender with these messages; an error is thrown in its place. */
function createSender(...messages: (string | Error)[]) {
  const stops: unknown[] = [];
  let asked = 0;
  const sender: Sender = {
    take() {
      asked += 1;
      const message = messages.shift();
      if (message instanceof Error) throw message;
      return message === undefined ? undefined : [Buffer.from(message), nothing, nothing];
    },
    stop: (error) => stops.push(error),
  };
  return { sender, messages, stops, asked: () => asked };
}

function open() {
  const fake = createFakeSocket();
  return { ...fake, outlet: createSocketWriter(fake.socket, fake.stream) };
}

describe('what is written', () => {
  test.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])(
    'a message of %i bytes is one whole frame',
    async (size) => {
      const { outlet, writes, texts } = open();
      const text = 'x'.repeat(size);
      outlet.offer(createSender(text).sender);
      await setImmediate();
      expect(writes).toHaveLength(1);
      expect(texts()).toEqual([text]);
    },
  );

  test('counts bytes, not characters, and joins its pieces', async () => {
    const { outlet, texts } = open();
    const pieces = [Buffer.from('{"ü":"'), Buffer.from('😀'.repeat(40)), Buffer.from('"}')] as const;
    const left = [pieces];
    outlet.offer({ take: () => left.shift(), stop() {} });
    await setImmediate();
    expect(texts()).toEqual([Buffer.concat(pieces).toString()]);
  });

  test('all that comes in one turn, of all senders, goes out in one write', async () => {
    const { outlet, writes, texts } = open();
    const one = createSender('1a');
    const two = createSender('2a', '2b');
    for (const { sender } of [one, two, one]) outlet.offer(sender);
    one.messages.push('1b');
    await setImmediate();
    expect(writes).toHaveLength(1);
    expect(texts()).toEqual(['1a', '1b', '2a', '2b']);
    outlet.offer(one.sender);
    one.messages.push('1c');
    await setImmediate();
    expect(texts().slice(4)).toEqual(['1c']);
  });

  test('a sender with very much does not keep the others waiting', async () => {
    const { outlet, texts } = open();
    outlet.offer(createSender(...Array.from({ length: 100 }, (_, n) => `${n} ${'x'.repeat(1000)}`)).sender);
    outlet.offer(createSender('small').sender);
    for (let turn = 0; turn < 40; turn += 1) await setImmediate();
    const found = texts();
    expect(found).toHaveLength(101);
    expect(found.indexOf('small')).toBeLessThan(15);
    expect(found.filter((text) => text !== 'small').map((text) => Number.parseInt(text, 10))).toEqual([
      ...Array(100).keys(),
    ]);
  });
});

describe('B27: a reader who stalls', () => {
  test('holds what was written at once; nobody is asked for more until it reads again', async () => {
    const { outlet, stall, drain, writes, texts } = open();
    const { sender, asked } = createSender(...Array.from({ length: 100 }, () => 'x'.repeat(1000)));
    stall();
    outlet.offer(sender);
    for (let turn = 0; turn < 5; turn += 1) {
      await setImmediate();
      outlet.offer(sender);
    }
    expect([writes.length, asked()]).toEqual([1, 9]);
    expect(writes[0]?.length).toBeLessThan(10_000);
    drain();
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(texts()).toHaveLength(100);
  });

  test('holds nobody else back', async () => {
    const [stalled, other] = [open(), open()];
    stalled.stall();
    stalled.outlet.offer(createSender('a', 'b').sender);
    other.outlet.offer(createSender('a').sender);
    await setImmediate();
    const late = createSender('c');
    stalled.outlet.offer(late.sender);
    other.outlet.offer(createSender('b').sender);
    await setImmediate();
    expect([other.texts(), stalled.texts(), late.asked()]).toEqual([['a', 'b'], ['a', 'b'], 0]);
  });
});

describe('who ends', () => {
  test('a sender that fails ends alone', async () => {
    const [here, there] = [open(), open()];
    const failure = new Error('not writable as JSON');
    const failing = createSender('fine', failure);
    here.outlet.offer(failing.sender);
    here.outlet.offer(createSender('good').sender);
    there.outlet.offer(createSender('elsewhere').sender);
    await setImmediate();
    expect([failing.stops, here.texts(), there.texts()]).toEqual([[failure], ['fine', 'good'], ['elsewhere']]);
  });

  test('nothing is taken for a socket that closes', async () => {
    const { outlet, close, writes } = open();
    const { sender, stops, asked } = createSender('late');
    outlet.offer(sender);
    close();
    await setImmediate();
    expect([stops, asked(), writes]).toEqual([[null], 0, []]);
  });
});
