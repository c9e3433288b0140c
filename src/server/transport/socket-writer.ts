import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** One operation, as far as its socket sees it. */
export interface Sender {
  /** The next message that is there now, as what it begins with, what follows, and what it ends with. */
  take(): Message | undefined;
  /** Nothing more is sent: the socket is closing, or the sender threw this. */
  stop(error: unknown): void;
}

/** The text of a message, in pieces. */
export type Message = readonly [Buffer, Buffer, Buffer];

/** Where the operations of one socket send. */
export interface SocketWriter {
  /** The sender has something, and is asked for it at the end of this turn of the event loop, or when the reader has room. */
  offer(sender: Sender): void;
}

/** Written at once before it is waited for the reader: what a reader who stands still keeps in memory. */
const AT_ONCE_BYTES = 8 * 1024;

const nothing = Buffer.alloc(0);

/**
 * Writes what all senders of a socket have in one turn of the event loop at once, as WebSocket frames and without the
 * protocol's library, which writes whole frames too and so never in the midst of one. While the operating system takes no
 * more, nobody is asked.
 *
 * @param stream what the socket writes to
 */
export function createSocketWriter(socket: WebSocket, stream: Duplex): SocketWriter {
  const senders: Sender[] = [];
  let isBackedUp = false;

  function resume(): void {
    isBackedUp = false;
    if (senders.length > 0) atEndOfTurn(write);
  }

  function write(): void {
    if (socket.readyState !== socket.OPEN) {
      for (const sender of senders.splice(0)) sender.stop(null);
      return;
    }
    const frames = takeFrames(senders);
    if (frames.length === 0) return;
    stream.write(frames.length === 1 ? frames[0] : Buffer.concat(frames));
    if (stream.writableLength === 0) {
      resume();
      return;
    }
    isBackedUp = true;
    // Answered when all that is before it is gone. A callback for every write would cost more than the write's own work.
    stream.write(nothing, resume);
  }

  return {
    offer(sender) {
      if (senders.includes(sender)) return;
      if (senders.push(sender) === 1 && !isBackedUp) atEndOfTurn(write);
    },
  };
}

/** Who has nothing more is let go; with more than is written at once, the others come first the next time. */
function takeFrames(senders: Sender[]): Buffer[] {
  const frames: Buffer[] = [];
  let bytes = 0;
  let sender = senders[0];
  while (sender !== undefined && bytes < AT_ONCE_BYTES) {
    const frame = takeFrame(sender);
    if (frame) {
      frames.push(frame);
      bytes += frame.length;
    } else {
      senders.shift();
      sender = senders[0];
    }
  }
  if (sender !== undefined && senders.length > 1) {
    senders.shift();
    senders.push(sender);
  }
  return frames;
}

/** One that fails ends alone. */
function takeFrame(sender: Sender): Buffer | null {
  try {
    const message = sender.take();
    return message === undefined ? null : frameOf(message);
  } catch (error) {
    sender.stop(error);
    return null;
  }
}

/** Of a frame that is whole and text. */
const FIN_TEXT = 0x81;
/** Stands for a length that follows in two bytes, as one that is as long or longer does. */
const MEDIUM = 126;
/** Stands for a length that follows in eight bytes. */
const LONG = 127;
const LONG_FROM_BYTES = 0x1_0000;

/** As RFC 6455 has it in section 5.2, from a server: not masked. */
function frameOf(pieces: Message): Buffer {
  const [first, second, third] = pieces;
  const length = first.length + second.length + third.length;
  const head = length < MEDIUM ? 2 : length < LONG_FROM_BYTES ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = FIN_TEXT;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = MEDIUM;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LONG;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(first, head);
  frame.set(second, head + first.length);
  frame.set(third, head + first.length + second.length);
  return frame;
}

const works: (() => void)[] = [];

/** Done for everybody by one immediate. */
function atEndOfTurn(work: () => void): void {
  if (works.push(work) === 1) setImmediate(doWorks);
}

function doWorks(): void {
  for (const work of works.splice(0)) work();
}
