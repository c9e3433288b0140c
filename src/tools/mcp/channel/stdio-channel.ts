import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../../clock.ts';
import { MCP_MESSAGE_BYTES, MCP_STOP_SECONDS } from '../../../config/limits.ts';
import type { StdioReach } from '../../../config/tools-config.ts';
import type { Channel } from './channel.ts';
import type { ProcessGroups } from './process-group.ts';

interface Surroundings {
  clock: Clock;
  groups: ProcessGroups;
  onStderr(chunk: Buffer): void;
}

/**
 * A server that is a child process and speaks on its standard streams. The SDK's own transport would leave the children
 * of a launcher such as npx behind; here the child leads a process group, and the whole group ends with it.
 */
export function createStdioChannel(reach: StdioReach, surroundings: Surroundings): Channel {
  const { clock, groups } = surroundings;
  let child: ChildProcess | null = null;
  let failure: string | null = null;
  let closing: Promise<void> | null = null;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  async function stop(): Promise<void> {
    if (child === null) return;
    // The polite way for a stdio server is the end of its input.
    child.stdin?.end();
    if (await endsInTime()) return;
    groups.signal(child, 'SIGTERM');
    if (await endsInTime()) return;
    groups.signal(child, 'SIGKILL');
    await endsInTime();
  }

  const endsInTime = () => settlesInTime(finished, clock);

  function giveUp(reason: string): void {
    failure ??= reason;
    if (child !== null) groups.signal(child, 'SIGKILL');
  }

  const transport: Transport = {
    async start() {
      const started = launch(reach, surroundings);
      child = started;
      receive(started, transport, giveUp);
      // At once: who is left of the group may hold the streams open, and then the end would never be complete.
      started.once('exit', () => groups.remove(started));
      onEnd(started, clock, (reason) => {
        failure ??= reason;
        finish();
        transport.onclose?.();
      });
      await Promise.race([once(started, 'spawn').catch(() => finished), finished]);
      if (failure !== null) throw new Error(failure);
    },
    async send(message) {
      if (await write(child, serializeMessage(message), finished)) return;
      // Mostly its end is under way and says more; a process that lives on without its input is of no use.
      if (closing === null && !(await endsInTime())) giveUp('It takes no more input.');
      throw new Error(failure ?? 'It is not running.');
    },
    close: () => {
      closing ??= stop();
      return closing;
    },
  };
  return { transport, failure: () => failure, noticesLoss: true, close: () => transport.close() };
}

/** Whether a promise is settled within the time that a process has to end. */
async function settlesInTime(promise: Promise<void>, clock: Clock): Promise<boolean> {
  const waiting = new AbortController();
  const late = clock.sleep(MCP_STOP_SECONDS * 1000, waiting.signal).then(
    () => false,
    () => true,
  );
  const isSettled = await Promise.race([promise.then(() => true), late]);
  waiting.abort();
  return isSettled;
}

/** Resolves when there is room for more; with false where nobody takes it. */
async function write(child: ChildProcess | null, text: string, finished: Promise<void>): Promise<boolean> {
  const input = child?.stdin;
  if (!input?.writable) return false;
  if (input.write(text)) return true;
  const drained = once(input, 'drain').then(
    () => true,
    () => false,
  );
  return Promise.race([drained, finished.then(() => false)]);
}

function launch({ command, args, env, cwd }: StdioReach, { groups, onStderr }: Surroundings): ChildProcess {
  const child = spawn(command, args, {
    // Secrets of the gateway's own environment are not the server's: it gets what the operator names.
    env: { ...getDefaultEnvironment(), ...env },
    cwd: cwd ?? process.cwd(),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  groups.add(child);
  child.stderr?.on('data', onStderr);
  // Streams of a process that is gone fail; its end says all there is to say.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {});
  return child;
}

function receive(child: ChildProcess, transport: Transport, giveUp: (reason: string) => void): void {
  const buffer = new ReadBuffer({ maxBufferSize: MCP_MESSAGE_BYTES });
  child.stdout?.on('data', (chunk: Buffer) => {
    try {
      buffer.append(chunk);
    } catch {
      // What follows a message without end can not be read any more.
      return giveUp(`It sent a message longer than ${MCP_MESSAGE_BYTES} bytes.`);
    }
    readMessages(buffer, transport);
  });
}

/** Some servers print what is no message to their standard output; it is passed over. */
function readMessages(buffer: ReadBuffer, transport: Transport): void {
  for (;;) {
    try {
      const message = buffer.readMessage();
      if (message === null) return;
      transport.onmessage?.(message);
    } catch (error) {
      transport.onerror?.(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** Calls back once, when the process is gone and what it said has been read, or can not have been started. */
function onEnd(child: ChildProcess, clock: Clock, callback: (reason: string) => void): void {
  let isOver = false;
  const end = (reason: string) => {
    if (isOver) return;
    isOver = true;
    callback(reason);
  };
  child.once('error', (error: NodeJS.ErrnoException) => {
    const missing = 'the program, or the folder that it is to run in, does not exist';
    if (child.pid === undefined) end(`It can not be started: ${error.code === 'ENOENT' ? missing : error.message}.`);
  });
  child.once('exit', (code, signal) => {
    const reason = signal === null ? `Its process ended with code ${code}.` : `Its process was ended by ${signal}.`;
    // Somebody outside of the group may hold on to its streams for ever.
    const stopTimer = clock.after(MCP_STOP_SECONDS * 1000, () => end(reason));
    child.once('close', () => {
      stopTimer();
      end(reason);
    });
  });
}
