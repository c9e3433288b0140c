import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../clock.ts';
import { MCP_MESSAGE_BYTES, MCP_STDERR_CHARACTERS, MCP_STDERR_LINES, MCP_STOP_SECONDS } from '../../config/limits.ts';
import type { StdioTransportConfig } from '../../config/tools-config.ts';
import type { Channel } from './channel.ts';
import type { ProcessGroups } from './process-groups.ts';

interface StdioDependencies {
  clock: Clock;
  groups: ProcessGroups;
  onStderr(chunk: Buffer): void;
}

/**
 * A channel to a server that runs as a child process and uses its standard streams. The transport of the SDK would leave the
 * children of a launcher such as npx behind; here the child leads a process group that ends with it.
 */
export function createStdioChannel(config: StdioTransportConfig, dependencies: StdioDependencies): Channel {
  const { clock, groups } = dependencies;
  let child: ChildProcess | null = null;
  let failure: string | null = null;
  let closing: Promise<void> | null = null;
  let resolveEnded: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });
  const endsInTime = () => settlesInTime(ended, clock);

  async function stop(): Promise<void> {
    if (child === null) return;
    // The end of its input asks a stdio server to exit.
    child.stdin?.end();
    if (await endsInTime()) return;
    groups.signal(child, 'SIGTERM');
    if (await endsInTime()) return;
    groups.signal(child, 'SIGKILL');
    await endsInTime();
  }

  function killBecause(reason: string): void {
    failure ??= reason;
    if (child !== null) groups.signal(child, 'SIGKILL');
  }

  const transport: Transport = {
    async start() {
      const started = spawnServer(config, dependencies);
      child = started;
      receiveMessages(started, transport, killBecause);
      // Immediately: other processes of the group can hold the streams open, and `close` would never be emitted.
      started.once('exit', () => groups.remove(started));
      onEnd(started, clock, (reason) => {
        failure ??= reason;
        resolveEnded();
        transport.onclose?.();
      });
      await Promise.race([once(started, 'spawn').catch(() => ended), ended]);
      if (failure !== null) throw new Error(failure);
    },
    async send(message) {
      if (await write(child, serializeMessage(message), ended)) return;
      // The process is usually about to end, with a better reason. If it stays without input, it is of no use.
      if (closing === null && !(await endsInTime())) killBecause('It closed its input.');
      throw new Error(failure ?? 'It is not running.');
    },
    close: () => {
      closing ??= stop();
      return closing;
    },
  };
  return { transport, failure: () => failure, detectsLoss: true, close: () => transport.close() };
}

/** Whether a promise settles within the time that a process has to exit. */
async function settlesInTime(promise: Promise<void>, clock: Clock): Promise<boolean> {
  const stopWaiting = new AbortController();
  const timeout = clock.sleep(MCP_STOP_SECONDS * 1000, stopWaiting.signal).then(
    () => false,
    () => true,
  );
  const isSettled = await Promise.race([promise.then(() => true), timeout]);
  stopWaiting.abort();
  return isSettled;
}

/** Resolves when the stream accepts more input; with false if the process no longer reads it. */
async function write(child: ChildProcess | null, text: string, ended: Promise<void>): Promise<boolean> {
  const input = child?.stdin;
  if (!input?.writable) return false;
  if (input.write(text)) return true;
  const drained = once(input, 'drain').then(
    () => true,
    () => false,
  );
  return Promise.race([drained, ended.then(() => false)]);
}

function spawnServer(
  { command, args, env, cwd }: StdioTransportConfig,
  { groups, onStderr }: StdioDependencies,
): ChildProcess {
  const child = spawn(command, args, {
    // The environment of the gateway can hold secrets, so the server gets only a few variables and those of its entry.
    env: { ...getDefaultEnvironment(), ...env },
    cwd: cwd ?? process.cwd(),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  groups.add(child);
  child.stderr?.on('data', onStderr);
  // Streams of a process that ended emit errors. `onEnd` reports the end.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {});
  return child;
}

function receiveMessages(child: ChildProcess, transport: Transport, killBecause: (reason: string) => void): void {
  const buffer = new ReadBuffer({ maxBufferSize: MCP_MESSAGE_BYTES });
  child.stdout?.on('data', (chunk: Buffer) => {
    try {
      buffer.append(chunk);
    } catch {
      // Without the end of this message, the next one cannot be found.
      return killBecause(`It sent a message longer than ${MCP_MESSAGE_BYTES} bytes.`);
    }
    readMessages(buffer, transport);
  });
}

/** Skips lines that are not messages, which some servers print to their standard output. */
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

/** Calls back once, when the process has ended and its output has been read, or when it could not be started. */
function onEnd(child: ChildProcess, clock: Clock, callback: (reason: string) => void): void {
  let hasEnded = false;
  const end = (reason: string) => {
    if (hasEnded) return;
    hasEnded = true;
    callback(reason);
  };
  child.once('error', (error: NodeJS.ErrnoException) => {
    const missing = 'the program, or the folder to run it in, does not exist';
    if (child.pid === undefined) end(`It cannot be started: ${error.code === 'ENOENT' ? missing : error.message}.`);
  });
  child.once('exit', (code, signal) => {
    const reason = signal === null ? `Its process ended with code ${code}.` : `Its process was ended by ${signal}.`;
    // A process outside of the group can hold the streams open.
    const stopTimer = clock.after(MCP_STOP_SECONDS * 1000, () => end(reason));
    child.once('close', () => {
      stopTimer();
      end(reason);
    });
  });
}

const MINUTE_MILLISECONDS = 60_000;

/** Splits a stream into lines. Bounds their length and their number in a minute, so that a server cannot flood the log. */
export function createStderrLines(clock: Clock, onLine: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let incomplete = '';
  let minuteStartedAt = clock.elapsed();
  let lines = 0;
  const emit = (line: string) => {
    if (clock.elapsed() - minuteStartedAt >= MINUTE_MILLISECONDS) {
      minuteStartedAt = clock.elapsed();
      lines = 0;
    }
    lines += 1;
    if (lines <= MCP_STDERR_LINES) onLine(line.slice(0, MCP_STDERR_CHARACTERS));
    else if (lines === MCP_STDERR_LINES + 1) onLine('[further lines of this minute are not logged]');
  };
  return (chunk) => {
    const pieces = (incomplete + decoder.write(chunk)).split('\n');
    incomplete = (pieces.pop() ?? '').slice(0, MCP_STDERR_CHARACTERS);
    for (const piece of pieces) if (piece.trim() !== '') emit(piece.trimEnd());
  };
}
