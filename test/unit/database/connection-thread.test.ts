import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { beforeEach, expect, test, vi } from 'vitest';
import { createConnectionThread } from '../../../src/database/sqlite/connection-thread.ts';

/** The threads that were started, oldest first. */
const workers: FakeWorker[] = [];
const startFailure: { error: Error | null } = { error: null };

class FakeWorker extends EventEmitter {
  calls: unknown[] = [];
  keepsProcess = false;
  postMessage = (call: unknown) => void this.calls.push(call);
  ref = () => {
    this.keepsProcess = true;
  };
  unref = () => {
    this.keepsProcess = false;
  };
  isTerminated = false;
  terminate = async () => {
    this.isTerminated = true;
    this.emit('exit', 1);
  };
}

async function startThread(): Promise<Worker> {
  if (startFailure.error) throw startFailure.error;
  const worker = new FakeWorker();
  workers.push(worker);
  return worker as unknown as Worker;
}

beforeEach(() => {
  workers.length = 0;
  startFailure.error = null;
});

const openThread = () =>
  createConnectionThread({ path: 'runtape.db', pragmas: [], hasLowPriority: false, lostCall: 'unknown', startThread });
const truncate = { method: 'truncateLog' } as const;

test('calls are answered in their order, and keep the process running until then', async () => {
  const thread = openThread();
  await thread.start();
  const results = [thread.perform(truncate), thread.perform({ method: 'commit', groups: [] })];
  const [worker] = workers;
  await vi.waitFor(() => expect(worker?.calls).toEqual([truncate, { method: 'commit', groups: [] }]));
  worker?.emit('message', { value: true, milliseconds: 3 });
  expect(worker?.keepsProcess).toBe(true);
  worker?.emit('message', { failure: 'constraint', detail: 'tape_seq', code: 'SQLITE_CONSTRAINT', milliseconds: 1 });
  expect(worker?.keepsProcess).toBe(false);
  expect(await results[0]).toMatchObject({ value: true, milliseconds: 3 });
  await expect(results[1]).rejects.toMatchObject({
    name: 'StoreError',
    failure: 'constraint',
    detail: 'tape_seq',
    cause: { code: 'SQLITE_CONSTRAINT' },
  });
  expect(workers).toHaveLength(1);
});

test('the outcome of a call is unknown if the thread ends, and the next call starts another', async () => {
  const thread = openThread();
  const lost = thread.perform(truncate);
  await vi.waitFor(() => expect(workers[0]?.calls).toHaveLength(1));
  workers[0]?.emit('error', new Error('out of memory'));
  workers[0]?.emit('exit', 1);
  await expect(lost).rejects.toMatchObject({ failure: 'unknown', cause: { message: 'out of memory' } });
  expect(thread.isRunning()).toBe(false);

  const next = thread.perform(truncate);
  await vi.waitFor(() => expect(workers[1]?.calls).toHaveLength(1));
  workers[1]?.emit('message', { value: false, milliseconds: 0 });
  expect(await next).toMatchObject({ value: false });
});

test('a call that cannot be sent fails, and takes the answer of no other call', async () => {
  const thread = openThread();
  await thread.start();
  const [worker] = workers;
  vi.spyOn(worker ?? new FakeWorker(), 'postMessage').mockImplementationOnce(() => {
    throw new Error('out of memory');
  });
  await expect(thread.perform(truncate)).rejects.toThrow('out of memory');
  const next = thread.perform(truncate);
  await vi.waitFor(() => expect(worker?.calls).toHaveLength(1));
  worker?.emit('message', { value: true, milliseconds: 0 });
  expect(await next).toMatchObject({ value: true });
});

test('nothing is written if the thread cannot be started, and a later call tries again', async () => {
  const thread = openThread();
  startFailure.error = new Error('no memory');
  await expect(thread.start()).rejects.toThrow('no memory');
  await expect(thread.perform(truncate)).rejects.toMatchObject({ failure: 'unavailable', detail: 'Error: no memory' });
  startFailure.error = null;
  await thread.start();
  expect(thread.isRunning()).toBe(true);
});

test.each([
  ['before the thread opens it', 1, 0],
  ['while the thread opens it', 2, 1],
])('a thread does not start if its file was replaced %s', async (_, failingCheck, started) => {
  let checks = 0;
  const checkFile = () => {
    checks += 1;
    if (checks === failingCheck) throw new Error('replaced');
  };
  const data = { path: 'runtape.db', pragmas: [], hasLowPriority: false };
  const thread = createConnectionThread({ ...data, lostCall: 'unknown', checkFile, startThread });
  await expect(thread.start()).rejects.toThrow('replaced');
  expect(thread.isRunning()).toBe(false);
  expect(workers.map(({ isTerminated }) => isTerminated)).toEqual(Array(started).fill(true));
});

test('a thread that is closed ends, also if it was being started, and is not started again', async () => {
  const thread = openThread();
  const started = thread.start();
  await thread.close();
  await started;
  expect(thread.isRunning()).toBe(false);
  await expect(thread.perform(truncate)).rejects.toMatchObject({ failure: 'unavailable' });
  expect(workers).toHaveLength(1);
});
