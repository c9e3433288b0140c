import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { SCANS_PER_OWNER } from '../../config/limits.ts';
import { startWorker } from '../../worker.ts';
import type { Parameter, Statement } from '../statement.ts';
import { StoreError } from '../store-error.ts';
import type { ScanAnswer, ScanData, ScanRequest } from './scan-worker.ts';

/** Runs statements that look through many rows, so that they do not block the event loop. */
export interface ScanThread {
  /**
   * Statements run one at a time, and owners take turns, so that the many statements of one do not delay those of the others. Rejects
   * with a StoreError.
   */
  select<Row>(owner: string, statement: Statement<Row>, parameters: readonly Parameter[]): Promise<Row[]>;
  /** Ends the thread. Statements that have no result yet are rejected. */
  close(): Promise<void>;
}

interface QueuedScan {
  request: ScanRequest;
  resolve(rows: object[]): void;
  reject(error: StoreError): void;
}

/** Starts the thread with the first statement, and again after it has failed. */
export function createScanThread(path: string): ScanThread {
  /** In the order of their next turns. */
  const queues = new Map<string, QueuedScan[]>();
  let worker: Promise<Worker> | null = null;
  let isRunning = false;
  let isClosed = false;

  async function answerTo(request: ScanRequest): Promise<ScanAnswer> {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      if (isClosed) throw new Error('The database is closed.');
      worker ??= startWorker('scan-worker', import.meta.url, { workerData: { path } satisfies ScanData });
      const current = await worker;
      const answer = once(current, 'message', { signal });
      const exit = once(current, 'exit', { signal }).then(() => null);
      current.ref();
      current.postMessage(request);
      const outcome = await Promise.race([answer, exit]);
      current.unref();
      if (outcome === null) throw new Error('The thread has ended.');
      return outcome[0];
    } catch (error) {
      worker = null;
      return { failure: 'unavailable', detail: String(error) };
    } finally {
      answered.abort();
    }
  }

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    for (let next = takeNext(queues); next !== null; next = takeNext(queues)) {
      const answer = await answerTo(next.request);
      if ('rows' in answer) next.resolve(answer.rows);
      else next.reject(new StoreError(answer.failure, answer.detail));
    }
    isRunning = false;
  }

  return {
    select<Row>(owner: string, { columns, sqlite }: Statement<Row>, parameters: readonly Parameter[]) {
      const queue = queues.get(owner) ?? [];
      if (queue.length >= SCANS_PER_OWNER) {
        return Promise.reject(new StoreError('busy', `${owner} has ${SCANS_PER_OWNER} statements waiting.`));
      }
      queues.set(owner, queue);
      return new Promise<Row[]>((resolve, reject) => {
        // The thread makes the rows by the columns of this statement.
        queue.push({
          request: { statement: { columns, sqlite }, parameters },
          resolve: (rows) => resolve(rows as Row[]),
          reject,
        });
        void run();
      });
    },
    async close() {
      isClosed = true;
      const open = await worker?.catch(() => null);
      await open?.terminate();
    },
  };
}

/** Takes the next statement of the owner whose turn it is, who then comes after all others. */
function takeNext(queues: Map<string, QueuedScan[]>): QueuedScan | null {
  const [first] = queues;
  if (!first) return null;
  const [owner, queue] = first;
  const next = queue.shift() ?? null;
  queues.delete(owner);
  if (queue.length > 0) queues.set(owner, queue);
  return next;
}
