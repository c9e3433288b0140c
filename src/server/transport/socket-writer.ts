import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { AtEndOfTurn } from './end-of-turn.ts';
import { bytesOf } from './result-json.ts';

/** One operation that sends messages over a socket. */
export interface Sender {
  /** The next message, or undefined if there is none now. */
  take(): Message | undefined;
  /** Nothing more is sent, because the socket is closing (null) or because `take` has thrown this error. */
  stop(error: unknown): void;
}

/** The consecutive parts of a message in UTF-8. A long message has a list of parts in the middle. */
export type Message = readonly [Buffer, Buffer | readonly Buffer[], Buffer];

/** Sends the messages of all operations of one socket. */
export interface SocketWriter {
  /**
   * Takes the sender's messages until it has none, starting at the end of this turn of the event loop, or later if the client
   * does not read.
   */
  schedule(sender: Sender): void;
}

/** Messages are collected for one write until they reach this size. A client that does not read keeps one write in memory. */
const WRITE_BYTES = 8 * 1024;

const empty = Buffer.alloc(0);

/**
 * Writes the messages of all senders in one turn as WebSocket frames, with one write to the stream. The `ws` library writes
 * whole frames too, so the two never mix. No message is taken while the operating system accepts no more.
 *
 * @param stream the connection of the socket
 */
export function createSocketWriter(socket: WebSocket, stream: Duplex, atEndOfTurn: AtEndOfTurn): SocketWriter {
  return new FrameWriter(socket, stream, atEndOfTurn);
}

class FrameWriter implements SocketWriter {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #atEndOfTurn: AtEndOfTurn;
  readonly #senders: Sender[] = [];
  readonly #write = () => this.#writeNow();
  #isBackedUp = false;

  constructor(socket: WebSocket, stream: Duplex, atEndOfTurn: AtEndOfTurn) {
    this.#socket = socket;
    this.#stream = stream;
    this.#atEndOfTurn = atEndOfTurn;
  }

  schedule(sender: Sender): void {
    if (this.#senders.includes(sender)) return;
    if (this.#senders.push(sender) === 1 && !this.#isBackedUp) this.#atEndOfTurn(this.#write);
  }

  #writeNow(): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      for (const sender of this.#senders.splice(0)) sender.stop(null);
      return;
    }
    const frames = takeFrames(this.#senders);
    if (frames.length === 0) return;
    if (bytesOf(frames) >= LONG_FRAME_BYTES) this.#writeEach(frames);
    else this.#stream.write(frames.length === 1 ? frames[0] : Buffer.concat(frames));
    if (this.#stream.writableLength === 0) {
      this.#resume();
      return;
    }
    this.#isBackedUp = true;
    // Its callback runs when everything before it is written. A callback for each write would cost more than the write.
    this.#stream.write(empty, () => this.#resume());
  }

  /** Copying what is long takes milliseconds. */
  #writeEach(frames: readonly Buffer[]): void {
    this.#stream.cork();
    for (const frame of frames) this.#stream.write(frame);
    this.#stream.uncork();
  }

  #resume(): void {
    this.#isBackedUp = false;
    if (this.#senders.length > 0) this.#atEndOfTurn(this.#write);
  }
}

/** Removes senders that have no more messages. If the limit cuts one off, the other senders are first next time. */
function takeFrames(senders: Sender[]): Buffer[] {
  const frames: Buffer[] = [];
  let bytes = 0;
  let sender = senders[0];
  while (sender !== undefined && bytes < WRITE_BYTES) {
    const frame = takeFrame(sender);
    if (frame === null) {
      senders.shift();
      sender = senders[0];
    } else if (Buffer.isBuffer(frame)) {
      frames.push(frame);
      bytes += frame.length;
    } else {
      frames.push(...frame);
      bytes = LONG_FRAME_BYTES;
    }
  }
  if (sender !== undefined && senders.length > 1) {
    senders.shift();
    senders.push(sender);
  }
  return frames;
}

/** Stops a sender that fails, without effect on the others. */
function takeFrame(sender: Sender): Buffer | readonly Buffer[] | null {
  try {
    const message = sender.take();
    return message === undefined ? null : frameOf(message);
  } catch (error) {
    sender.stop(error);
    return null;
  }
}

/** First byte of a text frame that is a whole message. */
const FIN_TEXT = 0x81;
/** Length byte that says that the length follows in two bytes. Shorter lengths stand in the byte itself. */
const TWO_BYTE_LENGTH = 126;
/** Length byte that says that the length follows in eight bytes. */
const EIGHT_BYTE_LENGTH = 127;
/** Frames of this length have an eight byte length. They are not copied. */
const LONG_FRAME_BYTES = 0x1_0000;

/** A frame from a server, which is not masked: RFC 6455, section 5.2. A long one consists of parts. */
function frameOf([first, second, third]: Message): Buffer | readonly Buffer[] {
  const middle = Buffer.isBuffer(second) ? second.length : bytesOf(second);
  const length = first.length + middle + third.length;
  if (length >= LONG_FRAME_BYTES) return longFrame(length, [first, second, third].flat());
  if (!Buffer.isBuffer(second)) return frameOf([first, Buffer.concat(second), third]);
  const headerBytes = length < TWO_BYTE_LENGTH ? 2 : 4;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = FIN_TEXT;
  if (headerBytes === 2) frame[1] = length;
  else {
    frame[1] = TWO_BYTE_LENGTH;
    frame.writeUInt16BE(length, 2);
  }
  frame.set(first, headerBytes);
  frame.set(second, headerBytes + first.length);
  frame.set(third, headerBytes + first.length + second.length);
  return frame;
}

function longFrame(length: number, parts: readonly Buffer[]): readonly Buffer[] {
  const header = Buffer.alloc(10);
  header[0] = FIN_TEXT;
  header[1] = EIGHT_BYTE_LENGTH;
  header.writeBigUInt64BE(BigInt(length), 2);
  return [header, ...parts];
}
