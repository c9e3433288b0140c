import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { webSocketOrigins } from './web-socket-origins.ts';

/** The built console. The whole build is read at start: it has a few hundred small files, and a new build cannot mix with it. */
export interface ConsoleFiles {
  /** Sends the page or an asset. Returns whether the path belongs to the console. */
  send(request: IncomingMessage, response: ServerResponse, path: string): boolean;
  /** The documents that the console and its client send, by id. */
  documents: Readonly<Record<string, string>>;
}

interface ConsoleFile {
  type: string;
  plain: Buffer;
  compressed: Buffer | null;
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const ASSETS = '/assets/';
const PAGE = 'index.html';

/** Where `npm start` builds the console. */
export const builtConsole = join(dirname(createRequire(import.meta.url).resolve('#package.json')), 'console', 'dist');

/** Returns null if the folder holds no build. */
export function openConsoleFiles(folder: string): ConsoleFiles | null {
  if (!existsSync(join(folder, PAGE))) return null;
  const read = (path: string) => toFile(path, readFileSync(join(folder, path)));
  const page = read(PAGE);
  const assets = new Map(
    readdirSync(join(folder, ASSETS)).map((name) => [`${ASSETS}${name}`, read(join(ASSETS, name))]),
  );
  const documents = JSON.parse(readFileSync(join(folder, 'documents.json'), 'utf8')) as Record<string, string>;
  return {
    documents,
    send(request, response, path) {
      const { method, headers } = request;
      if (method !== 'GET' && method !== 'HEAD') return false;
      const asset = assets.get(path);
      if (asset) sendFile(request, response, asset, { 'cache-control': 'public, max-age=31536000, immutable' });
      // Every view of the console is an address of its own.
      else if (!path.startsWith(ASSETS) && (headers.accept ?? '').includes('text/html')) {
        const policy = contentSecurityPolicy(headers.host ?? '');
        sendFile(request, response, page, { 'cache-control': 'no-cache', 'content-security-policy': policy });
      } else return false;
      return true;
    },
  };
}

function toFile(path: string, plain: Buffer): ConsoleFile {
  return { type: types[extname(path)] ?? 'application/octet-stream', plain, compressed: null };
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: ConsoleFile,
  headers: Record<string, string>,
): void {
  const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (acceptsGzip) file.compressed ??= gzipSync(file.plain);
  const body = acceptsGzip && file.compressed ? file.compressed : file.plain;
  response.writeHead(200, {
    ...headers,
    'content-type': file.type,
    'content-length': body.length,
    vary: 'accept-encoding',
    ...(acceptsGzip ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Scripts come from this gateway only: no inline script, no eval, no other host. */
function contentSecurityPolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    // Lists of many rows and dialogs set style attributes, which hashes cannot allow.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    `connect-src ${["'self'", ...webSocketOrigins(host)].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
