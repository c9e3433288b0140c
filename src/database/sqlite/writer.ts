import type { Clock } from '../../clock.ts';
import type { BoundGroup } from '../batch-statement.ts';
import type { Connection } from './connection.ts';
import {
  type AsynchronousConnection,
  asynchronousConnection,
  type ConnectionCall,
  execute,
} from './connection-call.ts';
import type { ConnectionThread } from './connection-thread.ts';

/** Executes one call after another: the caller waits for each before the next one. */
export interface Writer extends Omit<AsynchronousConnection, 'commit'> {
  /** @param callers that wait for this commit */
  commit(groups: readonly BoundGroup[], callers: number): Promise<void>;
}

/** A thread writes when one of these means is reached, until both have fallen below three quarters of them. */
export interface ThreadThresholds {
  /** Duration of a write. */
  milliseconds: number;
  /** Callers that wait for the same write. */
  callers: number;
}

interface WriterOptions {
  /** Of the calling thread, whose event loop waits for its calls. */
  connection: Connection;
  thread: ConnectionThread;
  clock: Clock;
  threadThresholds: ThreadThresholds;
}

/** About so many writes count for the means. */
const MEASURED_WRITES = 32;

/**
 * Writes in the calling thread while one run at a time does, because handing a write to another thread delays it. When many runs write,
 * or the disk is slow, another thread executes the writes, and the event loop does other work in the meantime.
 */
export function createWriter({ connection, thread, clock, threadThresholds }: WriterOptions): Writer {
  const mean = { milliseconds: 0, callers: 0 };
  let usesThread = false;
  let canStart = true;

  function measure(milliseconds: number, callers: number): void {
    mean.milliseconds += (milliseconds - mean.milliseconds) / MEASURED_WRITES;
    mean.callers += (callers - mean.callers) / MEASURED_WRITES;
    const load = Math.max(mean.milliseconds / threadThresholds.milliseconds, mean.callers / threadThresholds.callers);
    if (load >= 1) usesThread = true;
    else if (load < 0.75) usesThread = false;
  }

  /** Whether the thread is ready. Until it is, and if it cannot start, the connection of the calling thread writes. */
  function hasThread(): boolean {
    if (thread.isRunning()) return true;
    if (canStart) {
      canStart = false;
      thread.start().then(
        () => {
          canStart = true;
        },
        // Most likely for want of memory, of which further attempts would take more.
        () => undefined,
      );
    }
    return false;
  }

  async function write(call: ConnectionCall, callers: number): Promise<unknown> {
    if (usesThread && hasThread()) {
      const { value, milliseconds } = await thread.perform(call);
      measure(milliseconds, callers);
      return value;
    }
    const startedAt = clock.elapsed();
    try {
      return execute(connection, call);
    } finally {
      measure(clock.elapsed() - startedAt, callers);
    }
  }

  return {
    ...asynchronousConnection((call) => write(call, 1)),
    async commit(groups, callers) {
      await write({ method: 'commit', groups }, callers);
    },
  };
}
