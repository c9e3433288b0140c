import type { GraphQLError } from 'graphql';
import { CloseCode, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { nextTurn } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { badRequest, splitHttp } from '../../graphql/public-errors.ts';
import { parseBoundedJson } from './request-parameters.ts';

export interface SocketMessages {
  /** Charges a message before it is parsed. Returns the error if its principal has no points left. */
  charge(bytes: number): GraphQLError | null | Promise<GraphQLError | null>;
  maskError(error: unknown): GraphQLError;
}

/**
 * Passes the messages of a socket to the graphql-ws library, parsed. The library's own adapter parses messages of any shape, and
 * before anything is charged. A message that is refused gets an `error` for its operation, if it begins with the id as clients
 * write it; otherwise the socket is closed.
 */
export function serveMessages<Extra extends { socket: WebSocket }>(
  server: Server<Extra>,
  extra: Extra,
  { charge, maskError }: SocketMessages,
): void {
  const { socket } = extra;
  let receive = async (_message: string): Promise<void> => {};

  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: (text) => new Promise((resolve) => socket.send(text, () => resolve())),
      close: (code, reason) => socket.close(code, reason),
      onMessage(callback) {
        receive = callback;
      },
    },
    extra,
  );

  function refuse(error: GraphQLError, id: string | null): void {
    const { error: payload } = splitHttp(error);
    if (id !== null) socket.send(JSON.stringify({ id, type: 'error', payload: [payload] }));
    else if (payload.extensions.code === 'RATE_LIMITED') socket.close(TRY_AGAIN_LATER, closeReason(payload.message));
    else socket.close(CloseCode.BadRequest, closeReason(payload.message));
  }

  function handle(message: ClientMessage): void {
    // graphql-ws validates an object in the same way as a text that it has parsed.
    receive(message as unknown as string).catch((error: unknown) => {
      socket.close(CloseCode.InternalServerError, closeReason(maskError(error).message));
    });
  }

  /** A long message is charged before it is parsed. A short one costs nothing to parse, and its error names its operation. */
  function read(data: Buffer): void | Promise<void> {
    if (socket.readyState !== socket.OPEN) return;
    const isLong = data.length >= limits.POINT_BYTES;
    if (isLong)
      return afterCharge(
        charge(data.length),
        () => idIn(data),
        () => parse(data, handle),
      );
    return parse(data, (message) => {
      if (message.type !== 'subscribe') return handle(message);
      return afterCharge(
        charge(data.length),
        () => idOf(message),
        () => handle(message),
      );
    });
  }

  function parse(data: Buffer, next: (message: ClientMessage) => void | Promise<void>): void | Promise<void> {
    let message: ClientMessage;
    try {
      message = clientMessage(parseBoundedJson(data, 'The message'));
    } catch (error) {
      return refuse(maskError(error), idIn(data));
    }
    // The document of a long message is read in another turn of the event loop.
    return data.length < limits.LONG_REQUEST_BYTES ? next(message) : nextTurn().then(() => next(message));
  }

  function afterCharge(
    charged: Charged,
    id: () => string | null,
    next: () => void | Promise<void>,
  ): void | Promise<void> {
    if (charged instanceof Promise) return charged.then((error) => afterCharge(error, id, next));
    return charged === null ? next() : refuse(charged, id());
  }

  socket.on(
    'message',
    inOrder(socket, read, (error, data) => refuse(maskError(error), idIn(data))),
  );
  // `ws` closes the socket with the code of the error itself, such as 1009 for a message that is too long.
  socket.on('error', () => {});
  socket.once('close', (code, reason) => void closed(code, String(reason)));
}

/** Reads one message after the other. While one is charged by the database, no more are taken from the connection. */
function inOrder(
  socket: WebSocket,
  read: (data: Buffer) => void | Promise<void>,
  onError: (error: unknown, data: Buffer) => void,
): (data: Buffer) => void {
  let earlier: Promise<void> | null = null;
  return (data) => {
    const done = earlier ? earlier.then(() => read(data)) : read(data);
    if (!done) return;
    socket.pause();
    const settled = done
      .catch((error: unknown) => onError(error, data))
      .finally(() => {
        if (earlier !== settled) return;
        earlier = null;
        socket.resume();
      });
    earlier = settled;
  };
}

type Charged = ReturnType<SocketMessages['charge']>;
type ClientMessage = Readonly<Record<string, unknown>>;

/** From IANA's registry of WebSocket close codes. Clients reconnect. */
export const TRY_AGAIN_LATER = 1013;
/** The maximum for a close frame (RFC 6455, section 5.5). */
const CLOSE_REASON_BYTES = 123;

/** `ws` throws for a reason that is longer in UTF-8. */
export const closeReason = (message: string) => message.replace(/[^ -~]/g, '?').slice(0, CLOSE_REASON_BYTES);

const serverMessageTypes: ReadonlySet<unknown> = new Set(['next', 'error', 'connection_ack']);

/** graphql-ws would treat a message that only servers send as an internal error. */
function clientMessage(value: unknown): ClientMessage {
  if (typeof value !== 'object' || value === null) throw badRequest('The message must be a JSON object.');
  const message = value as ClientMessage;
  if (serverMessageTypes.has(message.type)) throw badRequest('Only servers send messages of this type.');
  return message;
}

const idOf = ({ id }: ClientMessage) => (typeof id === 'string' ? id : null);

const HEAD_BYTES = 300;

/** The id of the operation that a message starts, without parsing the message. */
function idIn(data: Buffer): string | null {
  const head = data.toString('latin1', 0, HEAD_BYTES);
  return /^\s*\{\s*"id"\s*:\s*"([^"\\]{1,200})"\s*,\s*"type"\s*:\s*"subscribe"/.exec(head)?.[1] ?? null;
}
