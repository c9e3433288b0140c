import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { deserializeMessage, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../clock.ts';
import { MCP_STDERR_CHARACTERS, MCP_STDERR_LINES, MCP_STOP_SECONDS } from '../../config/limits.ts';
import type { StdioTransportConfig } from '../../config/tools-config.ts';
import type { Channel } from './channel.ts';
import { createMessagePace } from './message-pace.ts';
import { MessageMeter } from './message-size.ts';
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
  let write: (text: string) => Promise<boolean> = async () => false;
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
      write = createWriter(started, ended);
      receiveMessages(started, transport, clock, killBecause);
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
      if (await write(serializeMessage(message))) return;
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

/** Returns a function that writes to the process. It resolves when the stream accepts more input; with false if the process no longer reads it. */
function createWriter(child: ChildProcess, ended: Promise<void>): (text: string) => Promise<boolean> {
  const input = child.stdin;
  /** All writes that wait share it. */
  let accepted: Promise<boolean> | null = null;
  const accept = async (stream: NonNullable<typeof input>) => {
    const drained = once(stream, 'drain').then(
      () => true,
      () => false,
    );
    const isAccepted = await Promise.race([drained, ended.then(() => false)]);
    accepted = null;
    return isAccepted;
  };
  return async (text) => {
    if (!input?.writable) return false;
    if (input.write(text)) return true;
    accepted ??= accept(input);
    return accepted;
  };
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

/** Reads no more while messages wait for their turns, so that the server waits as well. */
function receiveMessages(
  { stdout }: ChildProcess,
  transport: Transport,
  clock: Clock,
  killBecause: (reason: string) => void,
): void {
  const lines = createLines();
  const pace = createMessagePace(clock);
  async function receive(chunk: Buffer): Promise<void> {
    for (const { line, bytes, problem } of lines(chunk)) {
      // Without the end of this message, the next one cannot be found.
      if (problem !== null) return killBecause(problem);
      readMessage(line, transport);
      const turn = pace.after(bytes);
      if (turn === null) continue;
      stdout?.pause();
      await turn;
    }
    stdout?.resume();
  }
  stdout?.on('data', (chunk: Buffer) => void receive(chunk));
}

interface Line {
  line: string;
  bytes: number;
  /** Why it is not read. Then it is the last one. */
  problem: string | null;
}

const LINE_FEED = 10;

/** Splits a stream into lines, which are measured while they arrive. */
function createLines(): (chunk: Buffer) => Generator<Line> {
  const meter = new MessageMeter();
  let parts: Buffer[] = [];
  return function* linesOf(chunk) {
    for (let start = 0; start < chunk.length; ) {
      const found = chunk.indexOf(LINE_FEED, start);
      const end = found === -1 ? chunk.length : found;
      meter.add(chunk, start, end);
      const { bytes } = meter;
      const problem = meter.problem();
      if (problem !== null) {
        parts = [];
        return yield { line: '', bytes, problem };
      }
      parts.push(chunk.subarray(start, end));
      start = end + 1;
      if (found === -1) return;
      const line = Buffer.concat(parts).toString();
      parts = [];
      meter.reset();
      yield { line, bytes, problem };
    }
  };
}

/** Skips lines that are not messages, which some servers print to their standard output. */
function readMessage(line: string, transport: Transport): void {
  try {
    transport.onmessage?.(deserializeMessage(line));
  } catch (error) {
    transport.onerror?.(error instanceof Error ? error : new Error(String(error)));
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
