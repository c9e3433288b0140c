/** The little of RFC 6455 that a client of a benchmark needs: text frames in one piece, no extensions. */

const FINAL_TEXT = 0x81;
const MASKED = 0x80;
const LENGTH_IN_TWO_BYTES = 126;
const LENGTH_IN_EIGHT_BYTES = 127;

/** A text as a client sends it. The mask is all zeros, which costs nobody anything. */
export function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const { length } = body;
  const extra = length < LENGTH_IN_TWO_BYTES ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extra + 4 + length);
  frame[0] = FINAL_TEXT;
  frame[1] = MASKED | (extra === 0 ? length : extra === 2 ? LENGTH_IN_TWO_BYTES : LENGTH_IN_EIGHT_BYTES);
  if (extra === 2) frame.writeUInt16BE(length, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  body.copy(frame, 2 + extra + 4);
  return frame;
}

export const opcode = { text: 0x1, close: 0x8, ping: 0x9 } as const;

/** Calls back with each frame of a stream; `body` is valid during the call only. */
export function createFrameReader(onFrame: (opcode: number, body: Buffer) => void): (piece: Buffer) => void {
  let kept: Buffer | null = null;
  return (piece) => {
    let buffer = kept ? Buffer.concat([kept, piece]) : piece;
    kept = null;
    for (;;) {
      const head = headOf(buffer);
      if (head === null || buffer.length < head.begin + head.length) break;
      onFrame((buffer[0] ?? 0) & 0x0f, buffer.subarray(head.begin, head.begin + head.length));
      buffer = buffer.subarray(head.begin + head.length);
    }
    // Copied: the socket reads into the same memory again.
    if (buffer.length > 0) kept = Buffer.from(buffer);
  };
}

function headOf(buffer: Buffer): { begin: number; length: number } | null {
  if (buffer.length < 2) return null;
  const short = (buffer[1] ?? 0) & 0x7f;
  if (short < LENGTH_IN_TWO_BYTES) return { begin: 2, length: short };
  if (short === LENGTH_IN_TWO_BYTES) return buffer.length < 4 ? null : { begin: 4, length: buffer.readUInt16BE(2) };
  return buffer.length < 10 ? null : { begin: 10, length: Number(buffer.readBigUInt64BE(2)) };
}
