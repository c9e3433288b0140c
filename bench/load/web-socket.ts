import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createFrameReader, opcode, textFrame } from './frames.ts';

/** A WebSocket that costs the load generator as little as possible. */
export interface PlainSocket {
  send(text: string): void;
  /** Stops reading; the server is left with what it wants to send. */
  pause(): void;
  close(): void;
}

export interface SocketEvents {
  /** `body` is valid during the call only. */
  message(body: Buffer): void;
  closed(reason: string): void;
}

/** Of all sockets: what stands in it is used up before anything else is read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const HEAD_END = '\r\n\r\n';

/** Resolves when the server has agreed. */
export function openSocket(url: string, protocol: string | null, events: SocketEvents): Promise<PlainSocket> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    let head: string | null = '';
    const read = createFrameReader((kind, body) => {
      if (kind === opcode.text) events.message(body);
      else if (kind === opcode.ping) socket.write(PONG);
      else if (kind === opcode.close) events.closed(body.subarray(2).toString());
    });
    const onData = (piece: Buffer) => {
      if (head === null) return read(piece);
      head += piece.toString('latin1');
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      if (!head.startsWith('HTTP/1.1 101')) return reject(new Error(`No WebSocket: ${head.slice(0, 200)}`));
      const rest = Buffer.from(head.slice(end + HEAD_END.length), 'latin1');
      head = null;
      resolve(plain);
      if (rest.length > 0) read(rest);
    };
    const onread = {
      buffer: readBuffer,
      callback(bytes: number) {
        onData(readBuffer.subarray(0, bytes));
        return true;
      },
    };
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread });
    socket.on('connect', () => socket.write(handshake(hostname, port, pathname, protocol)));
    socket.on('error', reject);
    socket.on('close', () => events.closed('the connection is gone'));
    const plain: PlainSocket = {
      send: (text) => void socket.write(textFrame(text)),
      pause: () => void socket.pause(),
      close: () => void socket.destroy(),
    };
  });
}

function handshake(host: string, port: string, path: string, protocol: string | null): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  return lines.join('\r\n') + HEAD_END;
}
