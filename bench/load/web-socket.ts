import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { browserSocketHeaders, headerLines } from './browser-headers.ts';
import { createFrameReader, opcode, textFrame } from './frames.ts';

/** A WebSocket that needs as little processor time as possible. */
export interface RawWebSocket {
  send(text: string): void;
  /** Stops reading, so that the buffers of the connection fill up. */
  pause(): void;
  close(): void;
}

export interface SocketEvents {
  /** `body` is valid during the call only. */
  message(body: Buffer): void;
  closed(reason: string): void;
}

/** Shared by all sockets: its content is processed before anything else is read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const HEAD_END = '\r\n\r\n';

/** Resolves after the handshake. */
export function openSocket(url: string, protocol: string | null, events: SocketEvents): Promise<RawWebSocket> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    let responseHead: string | null = '';
    const read = createFrameReader((kind, body) => {
      if (kind === opcode.text) events.message(body);
      else if (kind === opcode.ping) socket.write(PONG);
      else if (kind === opcode.close) events.closed(body.subarray(2).toString());
    });
    const onData = (chunk: Buffer) => {
      if (responseHead === null) return read(chunk);
      responseHead += chunk.toString('latin1');
      const end = responseHead.indexOf(HEAD_END);
      if (end < 0) return;
      if (!responseHead.startsWith('HTTP/1.1 101')) {
        return reject(new Error(`The WebSocket handshake failed: ${responseHead.slice(0, 200)}`));
      }
      if (/^sec-websocket-extensions:/im.test(responseHead)) {
        return reject(new Error('The server compresses messages, which the load generator does not read.'));
      }
      const rest = Buffer.from(responseHead.slice(end + HEAD_END.length), 'latin1');
      responseHead = null;
      resolve(webSocket);
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
    socket.on('close', () => events.closed('The connection was closed.'));
    const webSocket: RawWebSocket = {
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
    ...headerLines(browserSocketHeaders(`http://${host}:${port}`)),
    ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  return lines.join('\r\n') + HEAD_END;
}
