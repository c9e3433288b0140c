import dns from 'node:dns/promises';
import { Agent, type Dispatcher, Headers, request } from 'undici';
import { z } from 'zod';
import { TOOL_OUTPUT_BYTES } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { cutToJsonBytes } from './bounded-call.ts';
import {
  type IsAllowed,
  isOwnAddress,
  isPublicAddress,
  type LookUp,
  publicLookup,
  refuseUrl,
} from './public-address.ts';
import { defineTool, type Tool } from './tool.ts';

interface HttpFetchOptions {
  /** Finds the addresses of a name; the machine's resolver by default. */
  lookup?: LookUp;
  /** Which addresses may be reached; by default public ones that are not this machine's own. */
  isAllowed?: IsAllowed;
}

/** One request of a chain of redirects. */
export interface Hop {
  url: URL;
  method: string;
  headers: Headers;
  body: string | null;
}

const REDIRECTS = 5;
const redirectStatuses = [301, 302, 303, 307, 308];
/** Whoever sets these could speak for the connection rather than on it; encodings are left out because bodies are not decoded. */
const refusedHeader =
  /^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|cookie2|accept-encoding|http2-settings|proxy-.*)$/;
/** What another origin may see of a request; a key in a header of its own name is as secret as `Authorization`. */
const portableHeaders = ['accept', 'accept-language', 'content-language', 'content-type', 'user-agent'];
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

/** Fetches a URL of the public internet; no private address is reached by name, redirect, DNS answer or notation. */
export function createHttpFetch(options: HttpFetchOptions = {}): Tool {
  const { lookup = lookUpName, isAllowed = isForeignPublic } = options;
  return defineTool({
    name: 'http_fetch',
    description: 'Sends an HTTP request to a public host, follows redirects, and returns the answer as text.',
    input: fetchInput,
    risk: 'HIGH',
    idempotent: false,
    parallelSafe: true,
    timeoutSeconds: 30,
    forbid: (input) => refuseInput(input, isAllowed),
    execute: async ({ url, method, headers, body }, { signal }) => {
      // The agent's own time-outs are off: the signal governs all of it. Sockets need it too,
      // for an agent that is destroyed waits for those that are still connecting.
      const agent = new Agent({
        connect: { lookup: publicLookup(lookup, isAllowed, signal), timeout: 0, signal },
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      try {
        const first: Hop = { url: new URL(url), method, headers: new Headers(headers), body: body ?? null };
        const { hop, response } = await followRedirects(first, agent, isAllowed, signal);
        return await presentResponse(hop, response);
      } catch (thrown) {
        // A socket that was aborted speaks of an abort, not of its reason.
        signal.throwIfAborted();
        throw thrown;
      } finally {
        await agent.destroy();
      }
    },
  });
}

function isForeignPublic(address: string): boolean {
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
  const refused = Object.keys(headers).filter((name) => refusedHeader.test(name.toLowerCase()));
  if (refused.length > 0) return `These headers must not be set: ${refused.join(', ')}.`;
  if (body !== undefined && ['GET', 'HEAD'].includes(method)) return `A ${method} request has no body.`;
  try {
    new Headers(headers);
    return null;
  } catch {
    return 'A header has a name or a value that HTTP does not allow.';
  }
}

async function followRedirects(first: Hop, dispatcher: Dispatcher, isAllowed: IsAllowed, signal: AbortSignal) {
  let hop = first;
  for (let followed = 0; followed <= REDIRECTS; followed += 1) {
    // Literal addresses never come to the lookup, so every hop is judged here too.
    const refusal = refuseUrl(hop.url, isAllowed);
    if (refusal !== null) throw new Error(followed === 0 ? refusal : `The redirect was not followed. ${refusal}`);
    const { url, method, body } = hop;
    const headers = { 'user-agent': 'runtape', 'accept-encoding': 'identity', ...Object.fromEntries(hop.headers) };
    const response = await request(url, { dispatcher, method, headers, body, signal });
    const next = redirectedHop(hop, response.statusCode, headerText(response.headers.location));
    if (next === null) return { hop, response };
    // Nobody reads a redirect's body: it is dropped together with its error.
    response.body.on('error', () => {}).destroy();
    hop = next;
  }
  throw new Error(`The server redirected more than ${REDIRECTS} times.`);
}

/** The request that a redirect asks for, after the rules of the Fetch standard, or null where it asks for none. */
export function redirectedHop(hop: Hop, status: number, location: string): Hop | null {
  if (location === '' || !redirectStatuses.includes(status)) return null;
  if (!URL.canParse(location, hop.url)) throw new Error('The server redirected to a URL that is not valid.');
  const url = new URL(location, hop.url);
  if (hop.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new Error('The server redirected from https to http, which is not followed.');
  }
  const headers = new Headers(hop.headers);
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status < 303 && hop.method === 'POST';
  const names = [...headers.keys()];
  for (const name of names) {
    const isHidden = url.origin !== hop.url.origin && !portableHeaders.includes(name);
    if (isHidden || (becomesGet && name.startsWith('content-'))) headers.delete(name);
  }
  return becomesGet ? { url, method: 'GET', headers, body: null } : { ...hop, url, headers };
}

async function presentResponse(hop: Hop, response: Dispatcher.ResponseData): Promise<Json> {
  const { bytes, truncated } = await readBeginning(response.body, TOOL_OUTPUT_BYTES);
  const named = reportedHeaders.map((name) => [name, headerText(response.headers[name])] as const);
  const headers = Object.fromEntries(named.filter(([, value]) => value !== ''));
  const answer = { url: hop.url.href, status: response.statusCode, headers };
  const type = headerText(response.headers['content-type']);
  const encoding = headerText(response.headers['content-encoding']);
  const text = encoding === '' || encoding === 'identity' ? textOf(bytes, type, truncated) : null;
  if (text === null) {
    const size = Number(headerText(response.headers['content-length'])) || bytes.length;
    const binary = { type: type || 'unknown', encoding: encoding || null, bytes: size };
    return { ...answer, body: null, binary, truncated };
  }
  // Escapes make JSON longer than text; what the caller cut off by itself would be the shape, not the body.
  const room = TOOL_OUTPUT_BYTES - Buffer.byteLength(JSON.stringify({ ...answer, body: '', truncated: false }));
  const body = cutToJsonBytes(text, room + '""'.length);
  return { ...answer, body, truncated: truncated || body.length < text.length };
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

/** Text by the declared charset; without one, whatever is UTF-8. Null where the bytes are something else. */
function textOf(bytes: Buffer, contentType: string, truncated: boolean): string | null {
  if (/^(image|audio|video|font)\/(?!.*\+xml)/i.test(contentType)) return null;
  const declared = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1];
  const isText = /^text\/|[/+](json|xml)\b/i.test(contentType);
  try {
    const decoder = new TextDecoder(declared ?? 'utf-8', { fatal: !isText });
    // In streaming mode the decoder keeps back the part of a character at the cut.
    const text = decoder.decode(bytes, { stream: truncated });
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

function headerText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
