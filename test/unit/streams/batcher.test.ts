import { describe, expect, test } from 'vitest';
import { createNotificationBatcher, emptyMessage, readMessage } from '../../../src/streams/notifications/batcher.ts';
import type { Hint } from '../../../src/streams/notifications/hints.ts';
import type { RunNotification } from '../../../src/streams/notifications/hub.ts';

const LIMIT = 7900;
const notification = (runId: string, head = 1, hints: Hint[] = []): RunNotification => ({
  runId,
  sessionId: 'ses_1',
  head,
  events: null,
  hints,
});

/** A batcher whose sends end when a test says so. */
function open(senderId = 'server_1') {
  const messages: string[] = [];
  const ends: (() => void)[] = [];
  const batcher = createNotificationBatcher(senderId, async (message) => {
    messages.push(message);
    await new Promise<void>((resolve) => void ends.push(resolve));
  });
  /** Ends every send. */
  async function end(): Promise<void> {
    do {
      for (const each of ends.splice(0)) each();
      await new Promise(setImmediate);
    } while (ends.length > 0);
  }
  const read = () => messages.flatMap((message) => readMessage('server_2', message)?.notifications ?? []);
  return { batcher, messages, end, read };
}

describe('a batch', () => {
  test('has the newest head of each run, and the hints of all its notifications', async () => {
    const { batcher, end, read } = open();
    batcher.add(notification('run_1', 1, ['work']));
    batcher.add(notification('run_2', 5));
    batcher.add(notification('run_1', 3, ['end', 'work']));
    batcher.flush();
    await end();
    expect(read()).toEqual([notification('run_1', 3, ['work', 'end']), notification('run_2', 5)]);
  });

  test('is not sent if it is empty', async () => {
    const { batcher, messages } = open();
    batcher.flush();
    await batcher.idle();
    expect(messages).toEqual([]);
  });

  test('that is added during a send follows it', async () => {
    const { batcher, messages, end, read } = open();
    batcher.add(notification('run_1'));
    batcher.flush();
    batcher.add(notification('run_2'));
    batcher.flush();
    expect(messages).toHaveLength(1);
    let isIdle = false;
    const becameIdle = batcher.idle().then(() => {
      isIdle = true;
    });
    await new Promise(setImmediate);
    expect(isIdle).toBe(false);
    await end();
    await becameIdle;
    expect([messages.length, read().map(({ runId }) => runId)]).toEqual([2, ['run_1', 'run_2']]);
    batcher.add(notification('run_3'));
    batcher.flush();
    expect(messages).toHaveLength(3);
    await end();
  });

  test('is divided so that each message fits, and is as long as it can be', async () => {
    // An entry and its comma take this many bytes.
    const entryBytes = JSON.stringify(['run_00000', 'ses_1', 1, []]).length + 1;
    const ids = Array.from({ length: 700 }, (_, index) => `run_${String(index).padStart(5, '0')}`);
    // With every remainder, a message can end exactly at the limit.
    for (let rest = 0; rest < entryBytes; rest += 1) {
      const senderId = 's'.repeat(1 + rest);
      const { batcher, messages, end, read } = open(senderId);
      for (const runId of ids) batcher.add(notification(runId));
      batcher.flush();
      await end();
      expect(read().map(({ runId }) => runId)).toEqual(ids);
      const fitting = Math.floor((LIMIT - emptyMessage(senderId).length) / entryBytes);
      const lengths = messages.map((message) => readMessage('server_2', message)?.notifications.length);
      expect(lengths.slice(0, -1)).toEqual(lengths.slice(0, -1).map(() => fitting));
    }
  });
});

describe('a message', () => {
  test('of this server, and one that is malformed, is not read', () => {
    expect(readMessage('server_1', emptyMessage('server_1'))).toBeNull();
    for (const malformed of ['', '{', 'null', '[]', '["server_2"]', '["server_2",[["run_1"]]]']) {
      expect(readMessage('server_1', malformed)).toBeNull();
    }
    expect(readMessage('server_1', emptyMessage('server_2'))).toEqual({ senderId: 'server_2', notifications: [] });
  });

  test('of another release may have hints that this one does not know', () => {
    const message = JSON.stringify(['server_2', [['run_1', 'ses_1', 4, ['later', 'end']]]]);
    expect(readMessage('server_1', message)?.notifications).toEqual([notification('run_1', 4, ['end'])]);
  });
});
