import dns from 'node:dns/promises';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { FETCH_REDIRECTS, TOOL_OUTPUT_BYTES } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { withUrlPlaceholders } from '../domain/secrets/mask.ts';
import { cutToJsonBytes, withoutCutWord } from './bounded-call.ts';
import {
  createPublicLookup,
  type IsAllowed,
  isOwnAddress,
  isPublicAddress,
  type LookUp,
  refuseUrl,
} from './public-address.ts';
import { type CallTarget, defineTool, type Tool } from './tool.ts';

interface HttpFetchOptions {
  /** Resolves host names; by default the resolver of the machine. */
  lookup?: LookUp;
  /** Addresses that can be connected to; by default public ones that do not belong to this machine. */
  isAllowed?: IsAllowed;
}

/** One request in a chain of redirects. */
export interface FetchRequest {
  url: URL;
  method: string;
  headers: Headers;
  body: string | null;
}

const redirectStatuses = [301, 302, 303, 307, 308];
/** Headers that control the connection, and `accept-encoding`, because bodies are not decompressed. */
const forbiddenHeader =
  /^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|cookie2|accept-encoding|http2-settings|proxy-.*)$/;
/** The only headers that are sent to another origin after a redirect. Any other can hold a credential. */
const crossOriginHeaders = ['accept', 'accept-language', 'content-language', 'content-type', 'user-agent'];
const reportedHeaders = [
  'content-type',
  'content-length',
  'last-modified',
  'etag',
  'location',
  'link',
  'allow',
  'retry-after',
  'www-authenticate',
];

const fetchInput = z.strictObject({
  url: z.string().min(1).describe('absolute http or https URL of a public host'),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().optional().describe('sent as UTF-8; set a content-type header with it'),
});
type FetchInput = z.infer<typeof fetchInput>;

/**
 * Fetches a URL of the public internet. Private addresses are refused however they are reached: by name, redirect, DNS answer
 * or notation.
 */
export function createHttpFetch(options: HttpFetchOptions = {}): Tool {
  const { lookup = lookUpName, isAllowed = isPublicElsewhere } = options;
  return defineTool({
    name: 'http_fetch',
    description: 'Sends an HTTP request to a public host, follows redirects, and returns the response as text.',
    input: fetchInput,
    risk: 'HIGH',
    idempotent: false,
    parallelSafe: true,
    timeoutSeconds: 30,
    refuse: (input) => refuseInput(input, isAllowed),
    target: targetOf,
    execute: async ({ url, method, headers, body }, { signal, traceParent }) => {
      // Most servers never fetch, and loading this takes a while.
      const { Agent, request } = await import('undici');
      // The signal replaces the timeouts of the agent. `connect` needs it too, because destroying an agent waits for sockets
      // that are still connecting.
      const agent = new Agent({
        connect: { lookup: createPublicLookup(lookup, isAllowed, signal), timeout: 0, signal },
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      try {
        const send: Send = ({ url: to, ...options }) => request(to, { dispatcher: agent, signal, ...options });
        const sent = new Headers(headers);
        if (traceParent !== undefined && !sent.has('traceparent')) sent.set('traceparent', traceParent);
        const first: FetchRequest = { url: new URL(url), method, headers: sent, body: body ?? null };
        const { url: finalUrl, response } = await followRedirects(first, send, isAllowed);
        return await presentResponse(finalUrl, response);
      } catch (error) {
        // The error of an aborted socket does not contain the reason.
        signal.throwIfAborted();
        throw error;
      } finally {
        await agent.destroy();
      }
    },
  });
}

/** The host is in punycode and the path percent-encoded. Redirects can lead to other targets. */
function targetOf({ url, method }: FetchInput): CallTarget {
  const { origin, pathname } = new URL(withUrlPlaceholders(url));
  return { text: `${method} ${origin}${pathname}`, grantable: `${method} ${origin}` };
}

function isPublicElsewhere(address: string): boolean {
  return isPublicAddress(address) && !isOwnAddress(address);
}

async function lookUpName(name: string): Promise<string[]> {
  const answers = await dns.lookup(name, { all: true });
  return answers.map(({ address }) => address);
}

function refuseInput({ url, method, headers, body }: FetchInput, isAllowed: IsAllowed): string | null {
  if (!URL.canParse(url)) return 'The URL is not valid. It must be absolute, such as "https://example.com/page".';
  const refusal = refuseUrl(new URL(url), isAllowed);
  if (refusal !== null) return refusal;
  const forbidden = Object.keys(headers).filter((name) => forbiddenHeader.test(name.toLowerCase()));
  if (forbidden.length > 0) return `These headers must not be set: ${forbidden.join(', ')}.`;
  if (body !== undefined && ['GET', 'HEAD'].includes(method)) return `A ${method} request has no body.`;
  try {
    new Headers(headers);
    return null;
  } catch {
    return 'A header has a name or a value that HTTP does not allow.';
  }
}

/** Sends one request, without following redirects. */
type Send = (
  request: Pick<FetchRequest, 'url' | 'method' | 'body'> & { headers: Record<string, string> },
) => Promise<Dispatcher.ResponseData>;

async function followRedirects(
  first: FetchRequest,
  send: Send,
  isAllowed: IsAllowed,
): Promise<{ url: URL; response: Dispatcher.ResponseData }> {
  let next = first;
  for (let redirects = 0; redirects <= FETCH_REDIRECTS; redirects += 1) {
    // Addresses in URLs bypass the lookup, so every URL is checked here too.
    const refusal = refuseUrl(next.url, isAllowed);
    if (refusal !== null) throw new Error(redirects === 0 ? refusal : `The redirect was not followed. ${refusal}`);
    const { url, method, body } = next;
    const headers = { 'user-agent': 'runtape', 'accept-encoding': 'identity', ...Object.fromEntries(next.headers) };
    const response = await send({ url, method, headers, body });
    const redirected = redirectedRequest(next, response.statusCode, headerText(response.headers.location));
    if (redirected === null) return { url, response };
    // The body of a redirect is discarded, with its errors.
    response.body.on('error', () => {}).destroy();
    next = redirected;
  }
  throw new Error(`The server redirected more than ${FETCH_REDIRECTS} times.`);
}

/** The request after a redirect, by the rules of the Fetch standard. Null if the response is not a redirect. */
export function redirectedRequest(from: FetchRequest, status: number, location: string): FetchRequest | null {
  if (location === '' || !redirectStatuses.includes(status)) return null;
  if (!URL.canParse(location, from.url)) throw new Error('The server redirected to a URL that is not valid.');
  const url = new URL(location, from.url);
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new Error('The server redirected from https to http, which is not followed.');
  }
  const headers = new Headers(from.headers);
  const becomesGet = status === 303 ? from.method !== 'HEAD' : status < 303 && from.method === 'POST';
  if (from.body !== null && !becomesGet && url.origin !== from.url.origin) {
    throw new Error(
      `The server redirected the request to another origin, ${url.origin}, which does not get its body. To send it there, call with that URL.`,
    );
  }
  const names = [...headers.keys()];
  for (const name of names) {
    const isPrivate = url.origin !== from.url.origin && !crossOriginHeaders.includes(name);
    if (isPrivate || (becomesGet && name.startsWith('content-'))) headers.delete(name);
  }
  return becomesGet ? { url, method: 'GET', headers, body: null } : { ...from, url, headers };
}

async function presentResponse(url: URL, response: Dispatcher.ResponseData): Promise<Json> {
  const { bytes, truncated } = await readBeginning(response.body, TOOL_OUTPUT_BYTES);
  const reported = reportedHeaders.map((name) => [name, headerText(response.headers[name])] as const);
  const headers = Object.fromEntries(reported.filter(([, value]) => value !== ''));
  const result = { url: url.href, status: response.statusCode, headers };
  const type = headerText(response.headers['content-type']);
  const encoding = headerText(response.headers['content-encoding']);
  const text = encoding === '' || encoding === 'identity' ? decodeText(bytes, type, truncated) : null;
  if (text === null) {
    const size = Number(headerText(response.headers['content-length'])) || bytes.length;
    const binary = { type: type || 'unknown', encoding: encoding || null, bytes: size };
    return { ...result, body: null, binary, truncated };
  }
  // The body is cut here so that the output fits as JSON: a cut by the caller would destroy its structure.
  const bodyBytes = TOOL_OUTPUT_BYTES - Buffer.byteLength(JSON.stringify({ ...result, body: '', truncated: false }));
  const beginning = cutToJsonBytes(text, bodyBytes + '""'.length);
  const isCut = truncated || beginning.length < text.length;
  return { ...result, body: isCut ? withoutCutWord(beginning) : beginning, truncated: isCut };
}

async function readBeginning(body: AsyncIterable<Buffer>, limit: number) {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limit) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, limit), truncated: length > limit };
}

/** Decodes by the declared charset, or as UTF-8. Null if the bytes are not text. */
function decodeText(bytes: Buffer, contentType: string, truncated: boolean): string | null {
  if (/^(image|audio|video|font)\/(?!.*\+xml)/i.test(contentType)) return null;
  const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1];
  const isText = /^text\/|[/+](json|xml)\b/i.test(contentType);
  try {
    const decoder = new TextDecoder(charset ?? 'utf-8', { fatal: !isText });
    // `stream` drops an incomplete character at the cut.
    const text = decoder.decode(bytes, { stream: truncated });
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

function headerText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
