import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MODEL_FIRST_BYTE_SECONDS, MODEL_IDLE_SECONDS } from '../../../../src/config/limits.ts';
import { type GuardedCall, guardCall, untilAborted } from '../../../../src/models/provider/guarded-call.ts';
import { createFakeClock } from '../../fake-clock.ts';

/** A call that ends when its signal aborts, or when the test says so. */
function startCall(timeouts: { firstByteMilliseconds?: number; idleMilliseconds?: number } = {}) {
  const fakeClock = createFakeClock();
  let timers = 0;
  const clock = {
    ...fakeClock,
    after(milliseconds: number, callback: () => void) {
      timers += 1;
      return fakeClock.after(milliseconds, callback);
    },
  };
  const control = new AbortController();
  const state: { end: unknown } = { end: undefined };
  let received = () => {};
  let succeed = () => {};
  const work = ({ signal, received: report }: GuardedCall) =>
    new Promise<void>((resolve, reject) => {
      received = report;
      succeed = resolve;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const ended = guardCall({ clock, ...timeouts, signal: control.signal, failureOf: (error) => error }, work).then(
    () => {
      state.end = 'done';
    },
    (error) => {
      state.end = error instanceof Error ? error.message : error;
    },
  );
  return {
    clock: fakeClock,
    control,
    state,
    ended,
    received: () => received(),
    succeed: () => succeed(),
    timers: () => timers,
  };
}

describe('a call whose provider sends nothing', () => {
  it('fails after the time of the first byte', async () => {
    const { clock, state } = startCall();
    await clock.advance(MODEL_FIRST_BYTE_SECONDS * 1000 - 1);
    expect(state.end).toBeUndefined();
    await clock.advance(1);
    await setImmediate();
    expect(state.end).toBe('The model provider sent nothing for 300 seconds.');
    expect(clock.pending()).toBe(0);
  });

  it('fails after the shorter time between two pieces, once something has arrived', async () => {
    const { clock, state, received } = startCall();
    received();
    await clock.advance(MODEL_IDLE_SECONDS * 1000 - 1);
    expect(state.end).toBeUndefined();
    await clock.advance(1);
    await setImmediate();
    expect(state.end).toBe('The model provider sent nothing for 120 seconds.');
  });

  it('measures that time from the last piece, with few timers', async () => {
    const { clock, state, received, timers } = startCall({ firstByteMilliseconds: 1000, idleMilliseconds: 400 });
    received();
    await clock.advance(1);
    for (let piece = 0; piece < 10; piece += 1) received();
    expect(timers()).toBe(2);
    await clock.advance(400);
    expect([state.end, clock.pending()]).toEqual([expect.stringContaining('sent nothing for 0.4 seconds'), 0]);
    expect(timers()).toBe(3);
  });

  it('does not fail before a millisecond has passed that is left', async () => {
    const { clock, state, received, ended } = startCall({ firstByteMilliseconds: 1000, idleMilliseconds: 400 });
    received();
    await clock.advance(1);
    received();
    await clock.advance(399);
    await setImmediate();
    expect(state.end).toBeUndefined();
    await clock.advance(1);
    await ended;
    expect(state.end).toContain('sent nothing');
  });
});

describe('a call', () => {
  it('that ends leaves no timer, and listens to its caller no more', async () => {
    const { clock, control, state, succeed, ended } = startCall();
    expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
    succeed();
    await ended;
    expect([state.end, clock.pending()]).toEqual(['done', 0]);
    expect(getEventListeners(control.signal, 'abort')).toHaveLength(0);
  });

  it('that its caller aborts rejects with the reason of the caller', async () => {
    const { control, state, ended } = startCall();
    control.abort('shutdown');
    await ended;
    expect(state.end).toBe('shutdown');
  });

  it('that was aborted before does not begin', async () => {
    let hasBegun = false;
    const options = { clock: createFakeClock(), signal: AbortSignal.abort('shutdown'), failureOf: () => 'failed' };
    const work = async () => {
      hasBegun = true;
    };
    await expect(guardCall(options, work)).rejects.toBe('shutdown');
    expect(hasBegun).toBe(false);
  });
});

describe('work that does not listen to a signal', () => {
  const never = new Promise(() => {});

  it('rejects with the reason as soon as the signal aborts, also if it was aborted before', async () => {
    const control = new AbortController();
    const waiting = untilAborted(never, control.signal);
    control.abort('late');
    await expect(waiting).rejects.toBe('late');
    await expect(untilAborted(never, AbortSignal.abort('early'))).rejects.toBe('early');
  });

  it('has its own result otherwise', async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(5), signal)).toBe(5);
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  });
});
