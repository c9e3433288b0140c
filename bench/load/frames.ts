/** The part of RFC 6455 that a load generator needs: unfragmented text frames without extensions. */

const FINAL_TEXT = 0x81;
const MASKED = 0x80;
const LENGTH_IN_TWO_BYTES = 126;
const LENGTH_IN_EIGHT_BYTES = 127;

/** A text frame of a client. A mask of zeros leaves the text unchanged, and saves the work of masking it. */
export function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const { length } = body;
  const lengthBytes = length < LENGTH_IN_TWO_BYTES ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + 4 + length);
  frame[0] = FINAL_TEXT;
  frame[1] = MASKED | (lengthBytes === 0 ? length : lengthBytes === 2 ? LENGTH_IN_TWO_BYTES : LENGTH_IN_EIGHT_BYTES);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  body.copy(frame, 2 + lengthBytes + 4);
  return frame;
}

export const opcode = { text: 0x1, close: 0x8, ping: 0x9 } as const;

/** Returns a function that accepts chunks of a stream. `onFrame` gets each frame; its `body` is valid during the call only. */
export function createFrameReader(onFrame: (opcode: number, body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer | null = null;
  return (chunk) => {
    let buffer = rest ? Buffer.concat([rest, chunk]) : chunk;
    rest = null;
    for (;;) {
      const header = headerOf(buffer);
      if (header === null || buffer.length < header.bodyOffset + header.bodyLength) break;
      const end = header.bodyOffset + header.bodyLength;
      onFrame((buffer[0] ?? 0) & 0x0f, buffer.subarray(header.bodyOffset, end));
      buffer = buffer.subarray(end);
    }
    // Copied, because the socket reuses the memory of the chunk.
    if (buffer.length > 0) rest = Buffer.from(buffer);
  };
}

/** Null if the header is incomplete. */
function headerOf(buffer: Buffer): { bodyOffset: number; bodyLength: number } | null {
  if (buffer.length < 2) return null;
  const short = (buffer[1] ?? 0) & 0x7f;
  if (short < LENGTH_IN_TWO_BYTES) return { bodyOffset: 2, bodyLength: short };
  if (short === LENGTH_IN_TWO_BYTES) {
    return buffer.length < 4 ? null : { bodyOffset: 4, bodyLength: buffer.readUInt16BE(2) };
  }
  return buffer.length < 10 ? null : { bodyOffset: 10, bodyLength: Number(buffer.readBigUInt64BE(2)) };
}
