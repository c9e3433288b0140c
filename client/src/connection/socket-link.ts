import { errorOf, offline, RuntapeError } from '../runtape-error.ts';
import { bearer } from './graphql-request.ts';
import type { Link, LinkOptions, OpenLink, Result, Sink } from './link.ts';
import type { Timing } from './timing.ts';

/** What of WebSocket is used. Browsers, Node 22, `ws` and `undici` have it. */
export interface SocketLike {
  readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** Of `ws`: does not wait for the server. */
  terminate?(): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export type SocketConstructor = new (url: string, protocol: string) => SocketLike;

const OPEN = 1;
const NORMAL_CLOSURE = 1000;
/** The server closes with it when a token is refused or has expired, and says which. */
const UNAUTHENTICATED = 4403;

type ServerMessage =
  | { type: 'connection_ack' | 'ping' | 'pong'; id?: undefined }
  | { type: 'next'; id: string; payload: Result }
  | { type: 'error'; id: string; payload: NonNullable<Result['errors']> }
  | { type: 'complete'; id: string };

/**
 * GraphQL over WebSocket by the protocol `graphql-transport-ws`. The client of the library graphql-ws does not fit: after a normal
 * closure it sends every subscription again with its first variables, it has no deadline for opening, and it is larger than this.
 */
export function socketLink(url: string, Socket: SocketConstructor, timing: Timing): OpenLink {
  return (options) =>
    new Promise((resolve, reject) => serve(new Socket(url, 'graphql-transport-ws'), timing, options, resolve, reject));
}

function serve(
  socket: SocketLike,
  timing: Timing,
  { token, signal, onLost }: LinkOptions,
  resolve: (link: Link) => void,
  reject: (error: RuntapeError) => void,
): void {
  const sinks = new Map<string, Sink>();
  let isOpen = false;
  let isEnded = false;
  let lastId = 0;
  let timer: ReturnType<typeof setTimeout>;

  const send = (message: object) => {
    if (socket.readyState === OPEN) socket.send(JSON.stringify(message));
  };

  function end(error: RuntapeError | null): void {
    if (isEnded) return;
    isEnded = true;
    clearTimeout(timer);
    sinks.clear();
    // The handler stays: `ws` throws when a socket is closed while it opens and nothing handles the error.
    socket.onmessage = null;
    if (error !== null && socket.terminate) socket.terminate();
    else socket.close(NORMAL_CLOSURE);
    if (error === null) return;
    if (isOpen) onLost(error);
    else reject(error);
  }

  const fail = (reason: string) => end(offline(reason));

  /** Every message of the server postpones this. */
  function expectMessage(): void {
    clearTimeout(timer);
    timer = setTimeout(check, timing.quiet);
  }

  function check(): void {
    clearTimeout(timer);
    send({ type: 'ping' });
    timer = setTimeout(() => fail(`no answer within ${timing.pong} ms`), timing.pong);
  }

  const link: Link = {
    check,
    start(query, variables, sink) {
      const id = String(++lastId);
      sinks.set(id, sink);
      send({ id, type: 'subscribe', payload: { query, variables } });
      return () => {
        if (sinks.delete(id)) send({ id, type: 'complete' });
      };
    },
    close: () => end(null),
  };

  function receive(message: ServerMessage) {
    if (message.type === 'next') return sinks.get(message.id)?.next(message.payload);
    if (message.type === 'ping') return send({ type: 'pong' });
    if (message.type === 'connection_ack') {
      isOpen = true;
      return resolve(link);
    }
    const sink = sinks.get(message.id ?? '');
    sinks.delete(message.id ?? '');
    if (message.type === 'error') sink?.end(errorOf(message.payload));
    if (message.type === 'complete') sink?.end(null);
  }

  socket.onopen = () => send({ type: 'connection_init', payload: bearer(token) });
  socket.onmessage = ({ data }) => {
    expectMessage();
    let message: ServerMessage;
    try {
      message = JSON.parse(data as string);
    } catch (cause) {
      return end(new RuntapeError('PROTOCOL', `The gateway sent a message that is not JSON: ${cause}`, { cause }));
    }
    receive(message);
  };
  socket.onerror = () => fail('the WebSocket failed');
  socket.onclose = ({ code, reason }) => {
    if (code !== UNAUTHENTICATED) return fail(`the WebSocket was closed with ${code} ${reason}`.trim());
    end(new RuntapeError('UNAUTHENTICATED', reason));
  };
  timer = setTimeout(() => fail(`no answer within ${timing.open} ms`), timing.open);
  signal.addEventListener('abort', () => fail('not needed any more'));
}
