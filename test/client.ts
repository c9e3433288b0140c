import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { TypedDocumentString } from './generated/graphql.ts';

/** A client of a running server: what a user's program would be. */
export interface TestClient extends AsyncDisposable {
  /** Sends one operation over HTTP; rejects where it has top-level errors. */
  send<Result, Variables>(document: TypedDocumentString<Result, Variables>, variables: Variables): Promise<Result>;
  /** The whole answer to any text. */
  post(body: unknown, headers?: Record<string, string>): Promise<{ status: number; body: Answer }>;
  /** A subscription over WebSocket. Ends when the server completes it or the loop is left. */
  follow<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): AsyncIterableIterator<Result>;
}

export interface Answer {
  data?: unknown;
  errors?: { message: string; path?: (string | number)[]; extensions?: { code?: string } }[];
}

export class GraphqlFailure extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.errors?.map(({ message }) => message).join('; '));
    this.answer = answer;
  }

  get code(): string | undefined {
    return this.answer.errors?.[0]?.extensions?.code;
  }
}

/** @param url the address of GraphQL over HTTP */
export function createTestClient(url: string, headers: Record<string, string> = {}): TestClient {
  let socket: Client | null = null;
  const connect = () => {
    socket ??= createClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: headers,
      retryAttempts: 0,
      lazyCloseTimeout: 0,
    });
    return socket;
  };

  async function post(body: unknown, more: Record<string, string> = {}) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers, ...more },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: readAnswer(text) };
  }

  return {
    post,
    async send(document, variables) {
      const { body } = await post({ query: document.toString(), variables });
      if (body.errors || body.data === undefined) throw new GraphqlFailure(body);
      return body.data as never;
    },
    follow(document, variables) {
      const results = connect().iterate<never>({ query: document.toString(), variables: variables as never });
      return unwrapped(results as AsyncIterableIterator<Answer>) as never;
    },
    async [Symbol.asyncDispose]() {
      await socket?.dispose();
    },
  };
}

async function* unwrapped(results: AsyncIterableIterator<Answer>): AsyncGenerator<unknown, void> {
  for await (const result of results) {
    if (result.errors) throw new GraphqlFailure(result);
    yield result.data;
  }
}

function readAnswer(text: string): Answer {
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: text }] };
  }
}
