import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { Clock } from '../../clock.ts';
import { PROVIDER_ERROR_BYTES } from '../../config/limits.ts';
import { createFailureReader, type FailureReader, retryAfterSeconds, secretsOf } from '../provider/failure.ts';
import { type GuardedCall, untilAborted } from '../provider/guarded-call.ts';
import { labelOf } from '../provider/response-values.ts';

export interface ConnectionOptions {
  /** Address without the path of an API, such as `http://127.0.0.1:11434/v1`. May contain a user and a password. */
  baseURL: string;
  apiKey: string | null;
  /** Additional headers; they replace the default ones. */
  headers?: Record<string, string>;
}

type ApiPath = 'chat/completions' | 'embeddings';

export interface ProviderResponse {
  body: Readable;
  /** Empty if the server named none. */
  contentType: string;
}

/** The connections to one API of a server. They are kept alive, and closed when this is disposed. */
export interface ProviderConnection extends AsyncDisposable {
  failures: FailureReader;
  /**
   * Sends a request. Resolves with the response when its head has arrived with a status of 2xx, and rejects with a
   * ModelError after any other status.
   * @param traceParent is sent as a header
   */
  post(body: string, call: GuardedCall, traceParent?: string): Promise<ProviderResponse>;
}

export function openConnection(options: ConnectionOptions & { clock: Clock }, path: ApiPath): ProviderConnection {
  const { url, headers, secrets } = endpointOf(options, path);
  const failures = createFailureReader(secrets);
  // `guardCall` has its own timeouts, one timer per call instead of one per chunk.
  const agents = createAgents({ headersTimeout: 0, bodyTimeout: 0 });
  return {
    failures,
    async post(body, { signal, received }, traceParent) {
      const sentHeaders = traceParent === undefined ? headers : { ...headers, traceparent: traceParent };
      const { agent, release } = agents.take();
      const sent = request(url, { method: 'POST', dispatcher: agent, headers: sentHeaders, body, signal });
      sent.then((response) => response.body.once('close', release), release);
      // While a connection is being opened, undici does not listen to the signal.
      const response = await untilAborted(sent, signal);
      if (response.statusCode >= 200 && response.statusCode <= 299) {
        return { body: response.body, contentType: labelOf(String(response.headers['content-type'] ?? '')) };
      }
      const text = await readText(response.body, received, PROVIDER_ERROR_BYTES);
      const retryAfter = retryAfterSeconds(response.headers['retry-after'], options.clock.now());
      throw failures.ofResponse(response.statusCode, text, retryAfter);
    },
    [Symbol.asyncDispose]: () => agents[Symbol.asyncDispose](),
  };
}

/** For each request, undici looks through the connections of an agent. With thousands of calls at a time, that takes long. */
const CALLS_PER_AGENT = 128;

/** A call uses the first agent that has room, so that kept connections are used again. */
function createAgents(options: Agent.Options) {
  const agents: { agent: Agent; calls: number }[] = [];
  return {
    take(): { agent: Agent; release(): void } {
      let taken = agents.find(({ calls }) => calls < CALLS_PER_AGENT);
      if (!taken) {
        taken = { agent: new Agent(options), calls: 0 };
        agents.push(taken);
      }
      const own = taken;
      own.calls += 1;
      return {
        agent: own.agent,
        release() {
          own.calls -= 1;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map(({ agent }) => agent.destroy()));
    },
  };
}

export interface Endpoint {
  /** Without user and password: a header carries those. */
  url: URL;
  headers: Record<string, string>;
  /** What no error message may contain. */
  secrets: string[];
}

export function endpointOf(options: ConnectionOptions, path: ApiPath): Endpoint {
  const url = new URL(options.baseURL);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'text/event-stream, application/json',
    'user-agent': 'runtape',
  };
  if (options.apiKey !== null) headers.authorization = `Bearer ${options.apiKey}`;
  else if (user !== '') headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const additional = options.headers ?? {};
  for (const [name, value] of Object.entries(additional)) headers[name.toLowerCase()] = value;
  return { url, headers, secrets: secretsOf([options.apiKey, password, url.host], additional) };
}

/** Reads a body as text, up to a number of bytes. */
export async function readText(body: Readable, received: () => void, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    received();
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
}
