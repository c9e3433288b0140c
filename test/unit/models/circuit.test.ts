import { describe, expect, it } from 'vitest';
import { alwaysClosed, withCircuit } from '../../../src/models/circuit.ts';
import { type Model, ModelError, type ModelFinish, type ModelRequest } from '../../../src/models/model.ts';
import { createFakeClock } from '../fake-clock.ts';

const request: ModelRequest = { instructions: '', messages: [], tools: [] };
const sink = { text() {}, thought() {} };
const finished: ModelFinish = { reason: 'stop', calls: [], usage: null, responseId: null };
const down = new ModelError('MODEL_UNAVAILABLE', 'down', { retryable: true });
const denied = new ModelError('MODEL_AUTH', 'denied', { retryable: false });
const pauseMilliseconds = 1000;

/** A circuit that opens after two failures, around a model that the test controls. */
function createCircuit(options: { pauseMilliseconds?: number } = { pauseMilliseconds }) {
  const clock = createFakeClock();
  const calls: { succeed(): void; fail(error: unknown): void }[] = [];
  const model: Model = {
    stream: () =>
      new Promise((resolve, reject) => {
        calls.push({ succeed: () => resolve(finished), fail: reject });
      }),
  };
  const guarded = withCircuit(model, { clock, name: 'local', failures: 2, ...options });
  const call = (signal = new AbortController().signal) => guarded.model.stream(request, sink, signal);
  async function failingCall(error: unknown = down, signal?: AbortSignal) {
    const response = call(signal);
    calls.at(-1)?.fail(error);
    await expect(response).rejects.toBe(error);
  }
  async function successfulCall() {
    const response = call();
    calls.at(-1)?.succeed();
    expect(await response).toBe(finished);
  }
  async function open() {
    await failingCall();
    await failingCall();
    expect(guarded.circuit.state()).toBe('open');
  }
  return { ...guarded.circuit, clock, calls, call, failingCall, successfulCall, open };
}

describe('a closed circuit', () => {
  it('opens after consecutive retryable failures only', async () => {
    const { state, failingCall, successfulCall } = createCircuit();
    await failingCall();
    await successfulCall();
    await failingCall();
    await failingCall(denied);
    await failingCall();
    expect(state()).toBe('closed');
    await failingCall();
    expect(state()).toBe('open');
  });

  it('ignores aborted calls and errors that are not a ModelError', async () => {
    const { state, failingCall } = createCircuit();
    for (let round = 0; round < 3; round += 1) await failingCall(new TypeError('oops'));
    for (let round = 0; round < 3; round += 1) {
      const abort = new AbortController();
      const failure = failingCall(down, abort.signal);
      abort.abort();
      await failure;
    }
    expect(state()).toBe('closed');
  });
});

describe('an open circuit', () => {
  it('refuses calls with an error that names the model', async () => {
    const { admits, call, calls, open } = createCircuit();
    await open();
    expect(admits()).toBe(false);
    await expect(call()).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      message: 'The model "local" failed repeatedly and is not called for up to 30 seconds.',
    });
    expect(calls).toHaveLength(2);
  });

  it('is not kept open by older calls that fail, and is closed by one that succeeds', async () => {
    const { state, clock, calls, call, open } = createCircuit();
    const slow = [call(), call()];
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

it('pauses for 30 seconds unless told otherwise', async () => {
  const { state, clock, open } = createCircuit({});
  await open();
  await clock.advance(29_999);
  expect(state()).toBe('open');
  await clock.advance(1);
  expect(state()).toBe('half-open');
});

it('of a model that always works is closed', () => {
  expect([alwaysClosed.state(), alwaysClosed.admits()]).toEqual(['closed', true]);
});

describe('a half-open circuit', () => {
  it('lets one call through, whose success closes it', async () => {
    const { state, admits, clock, calls, call, open, successfulCall } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    expect([state(), admits()]).toEqual(['half-open', true]);
    const probe = call();
    expect(admits()).toBe(false);
    await expect(call()).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    calls.at(-1)?.succeed();
    await probe;
    expect(state()).toBe('closed');
    await successfulCall();
  });

  it('opens again if that call fails', async () => {
    const { state, clock, failingCall, open } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    await failingCall();
    expect(state()).toBe('open');
    await clock.advance(pauseMilliseconds);
    expect(state()).toBe('half-open');
  });

  it('lets another call through if that one was aborted', async () => {
    const { state, admits, clock, failingCall, open } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    const abort = new AbortController();
    const probe = failingCall(down, abort.signal);
    abort.abort();
    await probe;
    expect([state(), admits()]).toEqual(['half-open', true]);
  });

  it('lets no second call through while an older call ends', async () => {
    const { state, admits, clock, calls, call, open } = createCircuit();
    const slow = call();
    await open();
    await clock.advance(pauseMilliseconds);
    const probe = call();
    calls[0]?.fail(down);
    await expect(slow).rejects.toBe(down);
    expect([state(), admits()]).toEqual(['half-open', false]);
    calls.at(-1)?.succeed();
    await probe;
  });

  it('closes if the provider refuses the call, because it responded', async () => {
    const { state, clock, failingCall, open } = createCircuit();
    await open();
    await clock.advance(pauseMilliseconds);
    await failingCall(denied);
    expect(state()).toBe('closed');
  });
});
