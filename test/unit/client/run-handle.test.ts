import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Requests } from '../../../client/src/connection/requests.ts';
import { createRunHandle } from '../../../client/src/run/run-handle.ts';
import { createRunHandles } from '../../../client/src/run/run-handles.ts';
import type { TapeEvent } from '../../../client/src/run/tape-event.ts';
import { batch, collect, delta, deltas, fakeConnection, input, output, status, usage } from './fakes.ts';

/** Lets promises that are settled call back. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function setUp({ head = 4, result = null as unknown } = {}) {
  const network = fakeConnection();
  const sent: { name: string | undefined; variables: unknown }[] = [];
  async function answer(document: string, variables: unknown) {
    sent.push({ name: /(?:query|mutation) (\w+)/.exec(document)?.[1], variables });
    return { run: { head, result }, result: { __typename: 'CancelRunSuccess' } };
  }
  const requests = { read: answer, repeat: answer } as unknown as Requests;
  const follows = { begun: 0, ended: 0 };
  const handle = createRunHandle({
    id: 'run_1',
    connection: network.connection,
    requests,
    onFollow() {
      follows.begun += 1;
      return () => {
        follows.ended += 1;
      };
    },
  });
  return { ...network, requests, handle, sent, follows };
}

const answered: TapeEvent[] = [input(1), status(2, 'IN_PROGRESS'), output(3, 'Hello.')];

describe('the answer of a run', () => {
  test('comes when the run is done, with its usage and its result', async () => {
    const { handle, deliver, sent, running } = setUp({ result: { a: 1 } });
    const control = new AbortController();
    const done = handle.done({ signal: control.signal });
    deliver(batch(answered));
    deliver(batch([status(4, 'DONE')], { closed: true }));
    expect(await done).toEqual({ output: 'Hello.', usage, result: { a: 1 } });
    expect(sent.at(-1)).toEqual({ name: expect.stringContaining('Run'), variables: { runId: 'run_1' } });
    expect(running.size).toBe(0);
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
  });

  test('has no result if the run is gone by then', async () => {
    const { handle, deliver, requests } = setUp();
    requests.read = (async () => ({ run: null })) as never;
    const done = handle.done();
    deliver(batch([...answered, status(4, 'DONE')], { closed: true }));
    expect(await done).toEqual({ output: 'Hello.', usage, result: null });
  });

  test.each([
    [
      status(4, 'FAILED', { failure: { code: 'BUDGET', message: 'Used up.', retryable: true } }),
      { code: 'BUDGET', message: 'Used up.', retryable: true },
    ],
    [
      status(4, 'CANCELLED', { statusReason: 'enough' }),
      { code: 'CANCELLED', message: 'The run run_1 was cancelled: enough.', retryable: false },
    ],
    [status(4, 'CANCELLED'), { code: 'CANCELLED', message: 'The run run_1 was cancelled.' }],
  ])('is an error if there is none: %#', async (end, error) => {
    const { handle, deliver } = setUp();
    const done = handle.done();
    deliver(batch([...answered, end], { closed: true }));
    await expect(done).rejects.toMatchObject(error);
  });

  test('is the error of a run that cannot be followed', async () => {
    const { handle, running } = setUp();
    const done = handle.done();
    const error = { code: 'NOT_FOUND' };
    for (const operation of [...running]) operation.end(error as never);
    await expect(done).rejects.toBe(error);
  });

  test('is not awaited longer than a signal says', async () => {
    const { handle, running } = setUp();
    const control = new AbortController();
    const done = handle.done({ signal: control.signal });
    await settle();
    expect(running.size).toBe(1);
    control.abort('enough');
    await expect(done).rejects.toBe('enough');
    expect([running.size, getEventListeners(control.signal, 'abort')]).toEqual([0, []]);
    await expect(handle.done({ signal: AbortSignal.abort('before') })).rejects.toBe('before');
  });
});

test('a run is cancelled with a reason', async () => {
  const { handle, sent } = setUp();
  await handle.cancel('enough');
  expect(sent).toEqual([{ name: 'CancelRun', variables: { input: { runId: 'run_1', reason: 'enough' } } }]);
});

describe('readers of a handle', () => {
  test('get events after a cursor, and the text as it grows', async () => {
    const { handle, deliver } = setUp();
    const events = collect(handle.events());
    const text = collect(handle.text());
    deliver(
      batch([input(1), delta(2, 'Hel'), delta(3, 'lo.'), output(4, 'Hello.'), status(5, 'DONE')], { closed: true }),
    );
    expect((await events).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect((await text).map((piece) => piece.text)).toEqual(['Hel', 'lo.']);
    const later = setUp();
    const rest = collect(later.handle.events({ after: 'c4' }));
    expect(later.starts).toEqual([{ runId: 'run_1', after: 'c4' }]);
    later.deliver(batch([status(5, 'DONE')], { closed: true }));
    expect((await rest).map(({ seq }) => seq)).toEqual([5]);
  });

  test('stop when their signal aborts', async () => {
    const { handle, running } = setUp();
    const control = new AbortController();
    const { signal } = control;
    const reading = [collect(handle.events({ signal })), collect(handle.text({ signal }))];
    control.abort('enough');
    for (const each of reading) await expect(each).rejects.toBe('enough');
    expect(running.size).toBe(0);
  });

  test('share a subscription, and begin another after the last has left', async () => {
    const { handle, starts, running, follows } = setUp();
    const readers = [handle.events(), handle.events()];
    for (const reader of readers) void reader.next();
    const stop = handle.state.subscribe(() => {});
    expect([starts.length, follows]).toEqual([1, { begun: 1, ended: 0 }]);
    for (const reader of readers) await reader.return?.();
    expect(running.size).toBe(1);
    stop();
    await settle();
    expect([running.size, follows]).toEqual([0, { begun: 1, ended: 1 }]);
    const again = handle.events();
    void again.next();
    expect([starts.length, follows]).toEqual([2, { begun: 2, ended: 1 }]);
    await again.return?.();
    expect(follows).toEqual({ begun: 2, ended: 2 });
  });
});

describe('the state of a run', () => {
  test('is folded while somebody listens, and continues where it stopped', async () => {
    const { handle, deliver, starts, running } = setUp();
    const stop = handle.state.subscribe(() => {});
    deliver(batch(answered));
    await settle();
    expect(handle.state.get()).toMatchObject({ state: 'IN_PROGRESS', head: 3, output: null });
    stop();
    await settle();
    expect(running.size).toBe(0);
    const seen: number[] = [];
    handle.state.subscribe(() => seen.push(handle.state.get().head));
    expect(starts.at(-1)).toEqual({ runId: 'run_1', after: 'c3' });
    deliver(batch([status(4, 'DONE')], { closed: true }));
    await settle();
    expect(seen).toEqual([4]);
    expect(handle.state.get()).toMatchObject({ state: 'DONE', output: 'Hello.' });
  });

  test('of a run that has ended needs no subscription any more', async () => {
    const { handle, deliver, starts } = setUp();
    const stop = handle.state.subscribe(() => {});
    deliver(batch([...answered, status(4, 'DONE')], { closed: true }));
    await settle();
    stop();
    handle.state.subscribe(() => {});
    expect(starts).toHaveLength(1);
  });

  test('is catching up until it has what the subscription has, and then live', async () => {
    const { handle, deliver, sent } = setUp({ head: 8 });
    const states: unknown[] = [];
    handle.sync.subscribe(() => states.push(handle.sync.get()));
    expect(handle.sync.get()).toEqual({ state: 'catching-up', progress: null });
    deliver(batch(deltas(1, 2)));
    await settle();
    // The length of the tape was asked for, and is known with the next batch.
    expect(sent).toEqual([{ name: expect.any(String), variables: { runId: 'run_1' } }]);
    deliver(batch(deltas(3, 4)));
    await settle();
    expect(handle.sync.get()).toEqual({ state: 'catching-up', progress: 0.5 });
    deliver(batch(deltas(5, 10)));
    await settle();
    expect(handle.sync.get()).toEqual({ state: 'catching-up', progress: 1 });
    deliver(batch(deltas(11, 11), { caughtUp: true }));
    await settle();
    expect(handle.sync.get()).toEqual({ state: 'live' });
    expect(sent).toHaveLength(1);
  });

  test('asks for no length if everything comes at once', async () => {
    const { handle, deliver, sent } = setUp();
    handle.state.subscribe(() => {});
    deliver(batch(deltas(1, 2), { caughtUp: true }));
    await settle();
    expect([handle.sync.get(), sent]).toEqual([{ state: 'live' }, []]);
  });

  test('does without the length if it cannot be asked for, or the run is gone', async () => {
    for (const read of [async () => ({ run: null }), async () => Promise.reject(new Error('away'))]) {
      const { handle, deliver, requests } = setUp();
      requests.read = read as never;
      handle.state.subscribe(() => {});
      deliver(batch(deltas(1, 2)));
      await settle();
      deliver(batch(deltas(3, 3)));
      await settle();
      expect(handle.sync.get()).toEqual({ state: 'catching-up', progress: null });
    }
  });

  test('is offline while the link is, and for good if the run cannot be followed', async () => {
    const { handle, state, running } = setUp();
    handle.state.subscribe(() => {});
    const offline = { state: 'offline', since: new Date(), nextAttemptAt: new Date(), error: {} } as never;
    state.set(offline);
    expect(handle.sync.get()).toBe(offline);
    state.set({ state: 'open' });
    expect(handle.sync.get()).toEqual({ state: 'catching-up', progress: null });
    const error = { code: 'NOT_FOUND' } as never;
    for (const operation of [...running]) operation.end(error);
    await settle();
    expect(handle.sync.get()).toMatchObject({ state: 'offline', nextAttemptAt: null, error });
    state.set(offline);
    expect(handle.sync.get()).toMatchObject({ nextAttemptAt: null, error });
  });

  test('of a run that has ended is live, whatever the link does', async () => {
    const { handle, deliver, state } = setUp();
    handle.state.subscribe(() => {});
    state.set({ state: 'offline', since: new Date(), nextAttemptAt: null, error: {} } as never);
    deliver(batch([...answered, status(4, 'DONE')], { closed: true }));
    await settle();
    expect(handle.sync.get()).toEqual({ state: 'live' });
  });
});

describe('the handles of a client', () => {
  test('are one for each run, also while only its events are read', async () => {
    const { connection, requests } = setUp();
    const runs = createRunHandles(connection, requests);
    const handle = runs.get('run_1');
    expect(runs.get('run_1')).toBe(handle);
    expect(runs.get('run_2')).not.toBe(handle);
    expect(runs.get('run_2').id).toBe('run_2');
    const reader = handle.events();
    void reader.next();
    expect(runs.get('run_1')).toBe(handle);
    await reader.return?.();
    expect(runs.get('run_1')).toBe(handle);
  });
});
