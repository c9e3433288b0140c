import { openSocket, type RawWebSocket } from './web-socket.ts';

/** One connection by the protocol graphql-transport-ws. */
export interface GraphqlSocket {
  socket: RawWebSocket;
  /** Resolves with the data of a query or mutation. Rejects with its errors. */
  request<Data>(query: string, variables: Record<string, unknown>): Promise<Data>;
  /** Resolves when the server has completed the subscription. `onData` gets each result. */
  subscribe<Data>(query: string, variables: Record<string, unknown>, onData: (data: Data) => void): Promise<void>;
  close(): void;
}

interface Message {
  type: string;
  id?: string;
  payload?: { data?: unknown; errors?: unknown };
}

interface Operation {
  onData(data: unknown): void;
  onEnd(error: Error | null): void;
}

export async function openGraphqlSocket(url: string): Promise<GraphqlSocket> {
  const operations = new Map<string, Operation>();
  let onAcknowledged: (error: Error | null) => void = () => undefined;
  const acknowledged = new Promise<void>((resolve, reject) => {
    onAcknowledged = (error) => (error ? reject(error) : resolve());
  });
  acknowledged.catch(() => undefined);
  let operationCount = 0;

  function end(id: string, error: Error | null): void {
    const operation = operations.get(id);
    operations.delete(id);
    operation?.onEnd(error);
  }

  function receive({ type, id = '', payload }: Message): void {
    if (type === 'next' && !payload?.errors) operations.get(id)?.onData(payload?.data);
    else if (type === 'next' || type === 'error') end(id, new Error(JSON.stringify(payload)));
    else if (type === 'complete') end(id, null);
    else if (type === 'connection_ack') onAcknowledged(null);
    else if (type === 'ping') socket.send('{"type":"pong"}');
  }

  const socket = await openSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws', {
    message: (body) => receive(JSON.parse(body.toString())),
    closed(reason) {
      onAcknowledged(new Error(reason));
      for (const id of [...operations.keys()]) end(id, new Error(reason));
    },
  });
  socket.send('{"type":"connection_init"}');
  await acknowledged;

  function subscribe<Data>(
    query: string,
    variables: Record<string, unknown>,
    onData: (data: Data) => void,
  ): Promise<void> {
    operationCount += 1;
    const id = String(operationCount);
    return new Promise((resolve, reject) => {
      operations.set(id, {
        onData: (data) => onData(data as Data),
        onEnd: (error) => (error ? reject(error) : resolve()),
      });
      socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }));
    });
  }

  return {
    socket,
    subscribe,
    async request<Data>(query: string, variables: Record<string, unknown>) {
      const results: Data[] = [];
      await subscribe<Data>(query, variables, (data) => results.push(data));
      const [result] = results;
      if (result === undefined) throw new Error('The operation was completed without a result.');
      return result;
    },
    close: () => socket.close(),
  };
}
