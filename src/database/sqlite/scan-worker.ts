// The entry of the thread that runs the statements which look through many rows. It answers one after another.
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Parameter, Statement } from '../statement.ts';
import { type StoreFailure, toStoreError } from '../store-error.ts';
import { openConnection } from './connection.ts';
import { readOnlyPragmas } from './pragma.ts';

export interface ScanData {
  path: string;
}

export interface ScanRequest {
  statement: Pick<Statement<object>, 'columns' | 'sqlite'>;
  parameters: readonly Parameter[];
}

export type ScanAnswer = { rows: object[] } | { failure: StoreFailure; detail: string };

// The thread is started with this.
const { path } = workerData as ScanData;
const connection = openConnection(path, readOnlyPragmas);

function answer({ statement, parameters }: ScanRequest): ScanAnswer {
  try {
    return { rows: connection.select(statement, parameters) };
  } catch (error) {
    const { failure, detail } = toStoreError(error);
    return { failure, detail };
  }
}

/**
 * The main thread, which serves everybody, goes first where both want the processor. On Linux the priority is that of this thread,
 * elsewhere that of the whole process.
 */
function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may forbid it.
  }
}

lowerPriority();
parentPort?.on('message', (request: ScanRequest) => parentPort?.postMessage(answer(request)));
parentPort?.postMessage('ready');
