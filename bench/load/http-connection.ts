import { connect, type Socket } from 'node:net';
import { browserHeaders, headerLines } from './browser-headers.ts';

/** A keep-alive connection of HTTP/1.1 for one request at a time, which needs as little processor time as possible. */
export interface HttpConnection {
  /** Sends a request of `postRequest`. Resolves with the whole response, including its head. */
  send(request: Buffer): Promise<string>;
  close(): void;
}

/** What Apollo Client 4 sends. */
const ACCEPT = 'application/graphql-response+json,application/json;q=0.9';

/** A request with the headers that a browser sends. */
export function postRequest(url: string, body: unknown, accept = ACCEPT): Buffer {
  const { host, pathname, origin } = new URL(url);
  const text = JSON.stringify(body);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    ...headerLines(browserHeaders(origin)),
    'content-type: application/json',
    `accept: ${accept}`,
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`);
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';

/** Whether a response is complete. Characters are bytes: the responses of the benchmark are ASCII. */
function isComplete(text: string): boolean {
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
    let pending: { resolve(response: string): void; reject(error: Error): void } | null = null;
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const fail = (error: Error) => {
      pending?.reject(error);
      reject(error);
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      received += String(chunk);
      if (!isComplete(received)) return;
      const response = received;
      received = '';
      pending?.resolve(response);
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('The server closed the connection.')));
    socket.on('connect', () =>
      resolve({
        send: (request) =>
          new Promise((resolveResponse, rejectResponse) => {
            pending = { resolve: resolveResponse, reject: rejectResponse };
            socket.write(request);
          }),
        close: () => void socket.destroy(),
      }),
    );
  });
}
