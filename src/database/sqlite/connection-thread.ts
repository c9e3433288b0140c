import type { Worker } from 'node:worker_threads';
import { startWorker } from '../../worker.ts';
import { StoreError, type StoreFailure } from '../store-error.ts';
import type { ConnectionCall } from './connection-call.ts';
import type { ConnectionAnswer, ConnectionThreadData } from './connection-worker.ts';

/** A connection in a thread of its own, whose calls do not block the event loop. They are executed in their order. */
export interface ConnectionThread {
  /** Starts the thread unless it runs. Rejects with the error of the start. */
  start(): Promise<void>;
  isRunning(): boolean;
  /** Starts the thread if necessary. Rejects with a StoreError. */
  perform(call: ConnectionCall): Promise<ThreadResult>;
  /** Ends the thread. Calls that have no answer yet are rejected. */
  close(): Promise<void>;
}

export interface ThreadResult {
  /** What the method returned. */
  value: unknown;
  /** The time that the call took in the thread. */
  milliseconds: number;
}

interface ThreadOptions extends ConnectionThreadData {
  /** Called before and after the thread opens the file, which may have been replaced. If it throws, the thread does not start. */
  checkFile?(): void;
  /** The failure of a call that the thread did not answer before it ended. */
  lostCall: StoreFailure;
  /** Starts the thread with its module, unless a test does it in another way. */
  startThread?(data: ConnectionThreadData): Promise<Worker>;
}

const startModule = (workerData: ConnectionThreadData) =>
  startWorker('connection-worker', import.meta.url, { workerData });

interface WaitingCall {
  resolve(answer: ConnectionAnswer): void;
  reject(error: StoreError): void;
}

export function createConnectionThread(options: ThreadOptions): ConnectionThread {
  const { lostCall, checkFile, startThread = startModule, ...data } = options;
  /** In the order of the calls, which is that of the answers. */
  const waiting: WaitingCall[] = [];
  let starting: Promise<Worker> | null = null;
  let running: Worker | null = null;
  let isClosed = false;

  async function startChecked(): Promise<Worker> {
    checkFile?.();
    const worker = await startThread(data);
    try {
      checkFile?.();
    } catch (error) {
      await worker.terminate();
      throw error;
    }
    let cause: unknown = null;
    worker.on('message', (answer: ConnectionAnswer) => {
      waiting.shift()?.resolve(answer);
      if (waiting.length === 0) worker.unref();
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.once('exit', () => {
      running = null;
      const error = new StoreError(lostCall, 'The thread of the connection has ended.', cause);
      for (const { reject } of waiting.splice(0)) reject(error);
    });
    running = worker;
    return worker;
  }

  async function runningThread(): Promise<Worker> {
    if (isClosed) throw new StoreError('unavailable', 'The database is closed.');
    if (running) return running;
    starting ??= startChecked().finally(() => {
      starting = null;
    });
    return starting;
  }

  return {
    async start() {
      await runningThread();
    },
    isRunning: () => running !== null,
    async perform(call) {
      const worker = await runningThread().catch((error: unknown) => {
        throw error instanceof StoreError ? error : new StoreError('unavailable', String(error), error);
      });
      const answer = await new Promise<ConnectionAnswer>((resolve, reject) => {
        worker.postMessage(call);
        // After it was sent: each that waits takes one answer.
        waiting.push({ resolve, reject });
        worker.ref();
      });
      if ('value' in answer) return answer;
      const { failure, detail, code } = answer;
      throw new StoreError(failure, detail, Object.assign(new Error(detail), { code }));
    },
    async close() {
      isClosed = true;
      await starting?.catch(() => undefined);
      await running?.terminate();
    },
  };
}
