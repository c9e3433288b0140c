import { openSocket, type PlainSocket } from './web-socket.ts';

/** One connection in the graphql-transport-ws protocol. */
export interface GraphqlSocket {
  socket: PlainSocket;
  /** Resolves with the data of a query or mutation. */
  ask<Data>(query: string, variables: Record<string, unknown>): Promise<Data>;
  /** Resolves when the server has completed the subscription; `onData` gets each result. */
  follow<Data>(query: string, variables: Record<string, unknown>, onData: (data: Data) => void): Promise<void>;
  close(): void;
}

interface Message {
  type: string;
  id?: string;
  payload?: { data?: unknown; errors?: unknown };
}

interface Operation {
  next(data: unknown): void;
  done(error: Error | null): void;
}

export async function openGraphqlSocket(url: string): Promise<GraphqlSocket> {
  const operations = new Map<string, Operation>();
  let acknowledge: (error: Error | null) => void = () => undefined;
  const acknowledged = new Promise<void>((resolve, reject) => {
    acknowledge = (error) => (error ? reject(error) : resolve());
  });
  acknowledged.catch(() => undefined);
  let count = 0;

  function end(id: string, error: Error | null): void {
    const operation = operations.get(id);
    operations.delete(id);
    operation?.done(error);
  }

  function receive({ type, id = '', payload }: Message): void {
    if (type === 'next' && !payload?.errors) operations.get(id)?.next(payload?.data);
    else if (type === 'next' || type === 'error') end(id, new Error(JSON.stringify(payload)));
    else if (type === 'complete') end(id, null);
    else if (type === 'connection_ack') acknowledge(null);
    else if (type === 'ping') socket.send('{"type":"pong"}');
  }

  const socket = await openSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws', {
    message: (body) => receive(JSON.parse(body.toString())),
    closed(reason) {
      acknowledge(new Error(reason));
      for (const id of [...operations.keys()]) end(id, new Error(reason));
    },
  });
  socket.send('{"type":"connection_init"}');
  await acknowledged;

  function follow<Data>(
    query: string,
    variables: Record<string, unknown>,
    onData: (data: Data) => void,
  ): Promise<void> {
    count += 1;
    const id = String(count);
    return new Promise((resolve, reject) => {
      operations.set(id, {
        next: (data) => onData(data as Data),
        done: (error) => (error ? reject(error) : resolve()),
      });
      socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }));
    });
  }

  return {
    socket,
    follow,
    async ask<Data>(query: string, variables: Record<string, unknown>) {
      const answers: Data[] = [];
      await follow<Data>(query, variables, (data) => answers.push(data));
      const [answer] = answers;
      if (answer === undefined) throw new Error('There was no answer.');
      return answer;
    },
    close: () => socket.close(),
  };
}
