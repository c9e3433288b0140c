import { describe, expect, it } from 'vitest';
import { withCircuit } from '../../../src/models/circuit.ts';
import { type Model, ModelError, type ModelFinish, type ModelRequest } from '../../../src/models/model.ts';
import { createFakeClock } from '../fake-clock.ts';

const request: ModelRequest = { instructions: '', messages: [], tools: [] };
const sink = { text() {}, thought() {} };
const finished: ModelFinish = { reason: 'stop', calls: [], usage: null, responseId: null };
const down = new ModelError('MODEL_UNAVAILABLE', 'down', { retryable: true });
const denied = new ModelError('MODEL_AUTH', 'denied', { retryable: false });
const pauseMilliseconds = 1000;

/** A circuit that two failures open, around a model that does as it is told. */
function createCircuit() {
  const clock = createFakeClock();
  const calls: { succeed(): void; fail(error: unknown): void }[] = [];
  const model: Model = {
    stream: () =>
      new Promise((resolve, reject) => {
        calls.push({ succeed: () => resolve(finished), fail: reject });
      }),
  };
  const guarded = withCircuit(model, { clock, name: 'local', failures: 2, pauseMilliseconds });
  const ask = (signal = new AbortController().signal) => guarded.model.stream(request, sink, signal);
  async function failing(error: unknown = down, signal?: AbortSignal) {
    const asked = ask(signal);
    calls.at(-1)?.fail(error);
    await expect(asked).rejects.toBe(error);
  }
  async function succeeding() {
    const asked = ask();
    calls.at(-1)?.succeed();
    expect(await asked).toBe(finished);
  }
  async function open() {
    await failing();
    await failing();
    expect(guarded.circuit.state()).toBe('open');
  }
  return { ...guarded.circuit, clock, calls, ask, failing, succeeding, open };
}

describe('closed', () => {
  it('opens at failures in a row, and not at others', async () => {
    const { state, failing, succeeding } = createCircuit();
    await failing();
    await succeeding();
    await failing();
    await failing(denied);
    await failing();
    expect(state()).toBe('closed');
    await failing();
    expect(state()).toBe('open');
  });

  it('takes no notice of what the caller stopped, or of a mistake of ours', async () => {
    const { state, failing } = createCircuit();
    for (let round = 0; round < 3; round += 1) await failing(new TypeError('oops'));
    for (let round = 0; round < 3; round += 1) {
      const abort = new AbortController();
      const failed = failing(down, abort.signal);
      abort.abort();
      await failed;
    }
    expect(state()).toBe('closed');
  });
});

describe('open', () => {
  it('lets nobody through, and says so', async () => {
    const { admits, ask, calls, open } = createCircuit();
    await open();
    expect(admits()).toBe(false);
    await expect(ask()).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      message: 'The model "local" has failed too often in a row and is left alone for a moment.',
    });
    expect(calls).toHaveLength(2);
  });

  it('is not opened for longer by calls from before, and is closed by one that succeeds', async () => {
    const { state, clock, calls, ask, open } = createCircuit();
    const slow = [ask(), ask()];
    await open();
    await clock.advance(pauseMilliseconds - 1);
    calls[0]?.fail(down);
    await expect(slow[0]).rejects.toBe(down);
    await clock.advance(1);
    expect(state()).toBe('half-open');
    calls[1]?.succeed();
    await slow[1];
    expect(state()).toBe('closed');
  });
});

describe('half open', () => {
  it('lets one through, whose success closes it', async () => {
    const { state, admits, clock, calls, ask, open, succeeding } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    expect([state(), admits()]).toEqual(['half-open', true]);
    const probe = ask();
    expect(admits()).toBe(false);
    await expect(ask()).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    calls.at(-1)?.succeed();
    await probe;
    expect(state()).toBe('closed');
    await succeeding();
  });

  it('is open again when that one fails', async () => {
    const { state, clock, failing, open } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    await failing();
    expect(state()).toBe('open');
    await clock.advance(pauseMilliseconds);
    expect(state()).toBe('half-open');
  });

  it('lets another one through when that one was stopped', async () => {
    const { state, admits, clock, failing, open } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    const abort = new AbortController();
    const probe = failing(down, abort.signal);
    abort.abort();
    await probe;
    expect([state(), admits()]).toEqual(['half-open', true]);
  });

  it('is closed by a provider that answers, be it with a refusal', async () => {
    const { state, clock, failing, open } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    await failing(denied);
    expect(state()).toBe('closed');
  });
});
