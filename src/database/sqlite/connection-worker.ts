// The entry of a thread that has a connection. It answers one call after another.
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import { type StoreFailure, toStoreError } from '../store-error.ts';
import { openConnection } from './connection.ts';
import { type ConnectionCall, execute } from './connection-call.ts';
import type { Pragma } from './pragma.ts';

export interface ConnectionThreadData {
  path: string;
  pragmas: readonly Pragma[];
  /** Whether the main thread, which serves everybody, goes first where both want the processor. */
  hasLowPriority: boolean;
}

/** What the call returned, or the parts of a StoreError and the code of the driver's error. */
type Outcome = { value: unknown } | { failure: StoreFailure; detail: string; code: unknown };
/** `milliseconds`: the time that the call took here. */
export type ConnectionAnswer = Outcome & { milliseconds: number };

// The thread is started with this.
const { path, pragmas, hasLowPriority } = workerData as ConnectionThreadData;
if (hasLowPriority) lowerPriority();
const connection = openConnection(path, pragmas);

function outcomeOf(call: ConnectionCall): Outcome {
  try {
    return { value: execute(connection, call) };
  } catch (error) {
    const { failure, detail } = toStoreError(error);
    return { failure, detail, code: error instanceof Error && 'code' in error ? error.code : null };
  }
}

function answer(call: ConnectionCall): ConnectionAnswer {
  const startedAt = systemClock.elapsed();
  return { ...outcomeOf(call), milliseconds: systemClock.elapsed() - startedAt };
}

/** On Linux the priority is that of this thread, elsewhere that of the whole process. */
function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may forbid it.
  }
}

parentPort?.on('message', (call: ConnectionCall) => parentPort?.postMessage(answer(call)));
parentPort?.postMessage('ready');
