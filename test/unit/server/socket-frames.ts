import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** A socket whose writes a test sees, and that accepts them or stalls. */
export function createFakeSocket() {
  const writes: Buffer[] = [];
  const stalledWrites: (() => void)[] = [];
  let isStalled = false;
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) writes.push(chunk);
      if (isStalled) stalledWrites.push(done);
      else done();
    },
  });
  const state = { readyState: 1, OPEN: 1 };
  return {
    stream,
    // The writer uses nothing else of it.
    socket: state as unknown as WebSocket,
    writes,
    /** The texts of all frames so far. */
    texts: () => textsIn(Buffer.concat(writes)),
    stall(): void {
      isStalled = true;
    },
    drain(): void {
      isStalled = false;
      for (const done of stalledWrites.splice(0)) done();
    },
    close(): void {
      state.readyState = 2;
    },
  };
}

/** Parses frames as RFC 6455, section 5.2 defines them. Throws unless they are whole text frames without a mask. */
function textsIn(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes[offset] !== 0x81) throw new Error(`There is no text frame at byte ${offset}.`);
    const lengthByte = bytes.readUInt8(offset + 1);
    const [headerBytes, length] =
      lengthByte < 126
        ? [2, lengthByte]
        : lengthByte === 126
          ? [4, bytes.readUInt16BE(offset + 2)]
          : [10, Number(bytes.readBigUInt64BE(offset + 2))];
    const end = offset + headerBytes + length;
    if (end > bytes.length) throw new Error(`A frame of ${length} bytes is cut off.`);
    texts.push(bytes.toString('utf8', offset + headerBytes, end));
    offset = end;
  }
  return texts;
}
