import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { benchFolder } from './folders.ts';

/** What a measured server can tell about itself. One question at a time. */
export interface Diagnostics {
  beginDelays(): Promise<void>;
  /** How late timers were since `beginDelays`, in milliseconds. */
  endDelays(): Promise<{ p99: number; worst: number }>;
  /** Bytes of the objects and buffers that remain after a collection. */
  liveBytes(): Promise<number>;
}

/** Options of Node that load the diagnostics into a server. The server needs a channel to this process. */
export const diagnosticsOptions = ['--import', `${benchFolder}/processes/diagnostics.mjs`];

export function diagnosticsOf(child: ChildProcess): Diagnostics {
  const ask = async (question: keyof Diagnostics) => {
    const answered = once(child, 'message');
    child.send(question);
    const [answer] = await answered;
    return answer;
  };
  return {
    beginDelays: () => ask('beginDelays'),
    endDelays: () => ask('endDelays'),
    liveBytes: () => ask('liveBytes'),
  };
}
