import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Stands for a socket: a test sees what is written, and says when the reader has room. */
export function createFakeSocket() {
  const writes: Buffer[] = [];
  const held: (() => void)[] = [];
  let hasRoom = true;
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) writes.push(chunk);
      if (hasRoom) done();
      else held.push(done);
    },
  });
  const state = { readyState: 1, OPEN: 1 };
  return {
    stream,
    // All that an outlet knows of it.
    socket: state as unknown as WebSocket,
    writes,
    /** Texts of all frames so far. */
    texts: () => writes.flatMap(textsIn),
    stall(): void {
      hasRoom = false;
    },
    drain(): void {
      hasRoom = true;
      for (const done of held.splice(0)) done();
    },
    close(): void {
      state.readyState = 2;
    },
  };
}

/** As RFC 6455 has it in section 5.2. Throws where it is not a row of whole text frames without a mask. */
function textsIn(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 0x81) throw new Error(`No text frame at ${at}.`);
    const mark = bytes.readUInt8(at + 1);
    const [head, length] =
      mark < 126
        ? [2, mark]
        : mark === 126
          ? [4, bytes.readUInt16BE(at + 2)]
          : [10, Number(bytes.readBigUInt64BE(at + 2))];
    const end = at + head + length;
    if (end > bytes.length) throw new Error(`A frame of ${length} bytes that is cut off.`);
    texts.push(bytes.toString('utf8', at + head, end));
    at = end;
  }
  return texts;
}
