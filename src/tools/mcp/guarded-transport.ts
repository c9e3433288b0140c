import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCRequest,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { MCP_UNREAD_REPLIES, TOOL_ERROR_CHARACTERS } from '../../config/limits.ts';

interface Guards {
  /** Why a question is refused; null if the SDK may validate it, which takes a tenth of a millisecond for each field. */
  admitQuestion(params: unknown): McpError | null;
  /** Called when the server does not read replies. */
  lose(reason: string): void;
}

/** A transport to a server that is not trusted with time and memory. */
export function guardTransport(inner: Transport, { admitQuestion, lose }: Guards): Transport {
  let unread = 0;

  async function reply(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (unread >= MCP_UNREAD_REPLIES) {
      lose('It does not read the replies to its requests.');
      throw new Error('Too many replies are not read.');
    }
    unread += 1;
    try {
      await inner.send('error' in message ? withShortError(message) : message, options);
    } finally {
      unread -= 1;
    }
  }

  const guarded: Transport = {
    start() {
      inner.onclose = () => guarded.onclose?.();
      inner.onerror = (error) => guarded.onerror?.(error);
      inner.onmessage = (message, extra) => {
        if (!isQuestion(message)) return guarded.onmessage?.(message, extra);
        const problem = admitQuestion(message.params);
        if (problem === null) return guarded.onmessage?.(message, extra);
        const error = { code: problem.code, message: problem.message };
        reply({ jsonrpc: '2.0', id: message.id, error }).catch(() => {});
      };
      return inner.start();
    },
    send: (message, options) => ('method' in message ? inner.send(message, options) : reply(message, options)),
    close: () => inner.close(),
    setProtocolVersion: (version) => inner.setProtocolVersion?.(version),
    get sessionId() {
      return inner.sessionId;
    },
  };
  return guarded;
}

/** The SDK describes each problem of an invalid request at length. */
function withShortError(message: JSONRPCErrorResponse): JSONRPCErrorResponse {
  const { error } = message;
  return { ...message, error: { ...error, message: error.message.slice(0, TOOL_ERROR_CHARACTERS) } };
}

function isQuestion(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message && message.method === 'elicitation/create';
}
