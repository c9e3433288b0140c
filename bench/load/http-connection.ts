import { connect, type Socket } from 'node:net';

/** One connection of HTTP/1.1 that is kept alive: one request at a time, and as little work for the load generator as can be. */
export interface HttpConnection {
  /** Sends a request as `postRequest` has made it; resolves with the whole answer, its head included. */
  send(request: Buffer): Promise<string>;
  close(): void;
}

export function postRequest(url: string, body: unknown): Buffer {
  const { host, pathname } = new URL(url);
  const text = JSON.stringify(body);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`);
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';

/** Whether an answer is whole. Its texts are ASCII: characters are bytes. */
function isWhole(text: string): boolean {
  const end = text.indexOf(HEAD_END);
  if (end < 0) return false;
  const head = text.slice(0, end).toLowerCase();
  if (head.includes('transfer-encoding: chunked')) return text.endsWith(LAST_CHUNK);
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  return text.length >= end + HEAD_END.length + length;
}

export function openHttp(url: string): Promise<HttpConnection> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    let answer: { resolve(text: string): void; reject(error: Error): void } | null = null;
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const fail = (error: Error) => {
      answer?.reject(error);
      reject(error);
    };
    socket.setEncoding('latin1');
    socket.on('data', (piece) => {
      received += String(piece);
      if (!isWhole(received)) return;
      const text = received;
      received = '';
      answer?.resolve(text);
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('The server closed the connection.')));
    socket.on('connect', () =>
      resolve({
        send: (request) =>
          new Promise((answered, failed) => {
            answer = { resolve: answered, reject: failed };
            socket.write(request);
          }),
        close: () => void socket.destroy(),
      }),
    );
  });
}
