import { SCANS_PER_OWNER } from '../../config/limits.ts';
import type { Parameter, Statement } from '../statement.ts';
import { StoreError } from '../store-error.ts';
import { asynchronousConnection } from './connection-call.ts';
import { createConnectionThread } from './connection-thread.ts';
import { readOnlyPragmas } from './pragma.ts';

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

/** Runs one statement, and settles the promise of its result. */
type QueuedScan = () => Promise<void>;

/**
 * Starts the thread with the first statement, and again after it has failed.
 * @param checkFile see `ThreadOptions`: a connection to a file that was replaced would add the write-ahead log of the old file to it
 */
export function createScanThread(path: string, checkFile?: () => void): ScanThread {
  const thread = createConnectionThread({
    path,
    pragmas: readOnlyPragmas,
    hasLowPriority: true,
    lostCall: 'unavailable',
    checkFile,
  });
  const connection = asynchronousConnection(async (call) => (await thread.perform(call)).value);
  /** In the order of their next turns. */
  const queues = new Map<string, QueuedScan[]>();
  let isRunning = false;

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    for (let next = takeNext(queues); next !== null; next = takeNext(queues)) await next();
    isRunning = false;
  }

  return {
    select<Row>(owner: string, statement: Statement<Row>, parameters: readonly Parameter[]) {
      const queue = queues.get(owner) ?? [];
      if (queue.length >= SCANS_PER_OWNER) {
        return Promise.reject(new StoreError('busy', `${owner} has ${SCANS_PER_OWNER} statements waiting.`));
      }
      queues.set(owner, queue);
      return new Promise<Row[]>((resolve, reject) => {
        queue.push(() => connection.select(statement, parameters).then(resolve, reject));
        void run();
      });
    },
    close: thread.close,
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
