import { expect, test } from 'vitest';
import { createMessagePace } from '../../../../src/tools/mcp/message-pace.ts';

/** A pace whose waits end at once, with the time that it has waited and the turns that it has given to others. */
function startPace() {
  const waited = { milliseconds: 0, turns: 0 };
  let now = 0;
  const sleep = async (milliseconds: number) => {
    waited.milliseconds += milliseconds;
    now += milliseconds;
  };
  const otherTurn = async () => {
    waited.turns += 1;
  };
  const pace = createMessagePace({ elapsed: () => now, sleep }, otherTurn);
  return { pace, waited, pass: (milliseconds: number) => (now += milliseconds) };
}

test('B60: a server that sends messages without end waits between them', async () => {
  const { pace, waited } = startPace();
  for (let sent = 0; sent < 2500; sent += 1) await pace.after(100);
  expect(waited.turns).toBeGreaterThan(300);
  const before = waited.milliseconds;
  for (let sent = 0; sent < 1250; sent += 1) await pace.after(100);
  expect(waited.milliseconds - before).toBeGreaterThan(990);
  expect(waited.milliseconds - before).toBeLessThan(1100);
});

test('B60: so does one that sends long messages', async () => {
  const { pace, waited } = startPace();
  for (let sent = 0; sent < 20; sent += 1) await pace.after(8 * 1024 * 1024);
  expect(waited.milliseconds).toBeGreaterThan(4000);
});

test('messages with pauses between them do not wait', () => {
  const { pace, pass } = startPace();
  for (let sent = 0; sent < 10_000; sent += 1) {
    expect(pace.after(1000)).toBeNull();
    pass(2);
  }
});
