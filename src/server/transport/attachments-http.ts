import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { GraphQLError } from 'graphql';
import { ATTACHMENTS_PATH, attachmentUrl } from '../../application/attachments/attachment-url.ts';
import { openAttachment } from '../../application/attachments/read-attachment.ts';
import { storeAttachment } from '../../application/attachments/store-attachment.ts';
import type { CommandContext, Viewer } from '../../application/command-context.ts';
import { BlobStoreError } from '../../attachments/blob-store.ts';
import * as limits from '../../config/limits.ts';
import { DiskFullError } from '../../database/disk-space.ts';
import { attachmentKindOf } from '../../domain/attachment.ts';
import { isRefusal, type Refusal } from '../../domain/refusal.ts';
import { rateLimited, requestLimitPassed, unavailable, withHttp } from '../../graphql/public-errors.ts';
import { createConcurrencyLimit } from '../access/concurrency-limit.ts';
import type { Operations } from './operations.ts';

interface Options {
  commands: CommandContext;
  charge: Pick<Operations, 'receive' | 'receiveUpload'>;
}

/** Answers a request whose origin and credentials were checked. Throws a GraphQLError for a request that it refuses. */
export type AttachmentsHttp = (request: IncomingMessage, response: ServerResponse, viewer: Viewer) => Promise<void>;

export function isAttachmentPath(path: string): boolean {
  return path === ATTACHMENTS_PATH || path.startsWith(`${ATTACHMENTS_PATH}/`);
}

/** Uploads by POST, and downloads by GET. */
export function createAttachmentsHttp({ commands, charge }: Options): AttachmentsHttp {
  const uploads = createConcurrencyLimit(limits.UPLOADS_PER_PRINCIPAL);

  const failed = (verb: 'stored' | 'read') => (error: unknown) => {
    if (error instanceof DiskFullError) throw unavailable(error.message);
    if (!(error instanceof BlobStoreError)) throw error;
    commands.logger.error({ err: error }, 'the store of attachments failed');
    throw unavailable(`The file could not be ${verb} now. Try again later.`);
  };

  async function upload(request: IncomingMessage, response: ServerResponse, viewer: Viewer): Promise<void> {
    requireScope(viewer, 'write');
    const bytes = lengthOf(request, commands.settings.attachments.maxBytes);
    const sha256 = digestIn(request);
    const name = new URL(request.url ?? '', 'http://localhost').searchParams.get('name') ?? '';
    const error = await charge.receiveUpload(viewer.principal, bytes);
    if (error) throw error;
    const release = uploads.acquire(viewer.principal);
    if (!release) throw tooManyUploads();
    try {
      if (request.headers.expect !== undefined) response.writeContinue();
      const outcome = await storeAttachment(commands, viewer, { name, sha256 }, request).catch(failed('stored'));
      if (isRefusal(outcome)) throw errorOf(outcome);
      const { blobId: _blobId, owner: _owner, ...attachment } = outcome.attachment;
      const location = attachmentUrl(attachment.id);
      response
        .writeHead(201, { 'content-type': 'application/json; charset=utf-8', location })
        .end(JSON.stringify({ ...attachment, url: location }));
    } finally {
      release();
    }
  }

  async function download(request: IncomingMessage, response: ServerResponse, viewer: Viewer): Promise<void> {
    requireScope(viewer, 'read');
    const { url = '' } = request;
    const error = await charge.receive(viewer.principal, url.length);
    if (error) throw error;
    const id = (url.split('?', 1)[0] ?? '').slice(ATTACHMENTS_PATH.length + 1);
    const opened = await openAttachment(commands, viewer.principal, id).catch(failed('read'));
    if (!opened) throw withHttp('NOT_FOUND', `There is no attachment ${id}.`, { status: 404 });
    const { name, mediaType, bytes, sha256 } = opened.attachment;
    response.writeHead(200, {
      'content-type': safeType(mediaType),
      'content-length': bytes,
      'content-disposition': disposition(name),
      'content-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
      // A browser that opens the file in spite of this executes nothing in it.
      'content-security-policy': "default-src 'none'; sandbox",
    });
    await pipeline(opened.content, response);
  }

  return async (request, response, viewer) => {
    const isCollection = (request.url ?? '').split('?', 1)[0] === ATTACHMENTS_PATH;
    if (isCollection && request.method === 'POST') return upload(request, response, viewer);
    if (!isCollection && request.method === 'GET') return download(request, response, viewer);
    const allow = isCollection ? 'POST' : 'GET';
    const message = `The method ${request.method} is not supported. POST /attachments?name=… uploads a file, and GET /attachments/<id> returns one.`;
    throw withHttp('BAD_USER_INPUT', message, { status: 405, headers: { allow } });
  };
}

/** Content types that a form of another site can send without a CORS preflight request, or that show that a form was sent. */
const formTypes = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain) *(;|$)/i;

/** Why an upload with this content type is refused; null if it is not. */
export function uploadTypeProblem({ headers: { 'content-type': type = '' } }: IncomingMessage): string | null {
  if (type !== '' && !formTypes.test(type)) return null;
  return 'Send the bytes of one file as the body, with `content-type: application/octet-stream`. The media type is detected from the content.';
}

function requireScope({ scopes }: Viewer, scope: 'read' | 'write'): void {
  if (scopes.includes(scope)) return;
  throw withHttp('FORBIDDEN', `This request needs the scope "${scope}". Use a token that has it.`, { status: 403 });
}

/** The length that the request declares. */
function lengthOf({ headers }: IncomingMessage, maxBytes: number): number {
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw withHttp('BAD_USER_INPUT', 'Content-Encoding is not supported. Send the bytes as they are.', { status: 415 });
  }
  if (headers['content-length'] === undefined) {
    throw withHttp('BAD_USER_INPUT', 'Content-Length is missing. Send the length of the file.', { status: 411 });
  }
  const bytes = Number(headers['content-length']);
  if (bytes > maxBytes) {
    const message = `The file has ${bytes} bytes; the limit is ${maxBytes}. The operator can raise attachments.maxBytes.`;
    throw requestLimitPassed('attachmentBytes', message, 413);
  }
  return bytes;
}

/** The SHA-256 in `Content-Digest` (RFC 9530), as base64; null without the header. */
function digestIn({ headers }: IncomingMessage): string | null {
  const header = headers['content-digest'];
  if (header === undefined) return null;
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:[,;]|$)/.exec(String(header))?.[1];
  if (digest !== undefined) return digest;
  const message = 'Content-Digest has no SHA-256. Send it as `sha-256=:<base64>:`, or leave the header out.';
  throw withHttp('BAD_USER_INPUT', message, { status: 400 });
}

function errorOf(refusal: Refusal): GraphQLError {
  if (refusal.kind === 'limit-exceeded') {
    return requestLimitPassed(refusal.limit, refusal.message, refusal.limit === 'attachmentBytes' ? 413 : 400);
  }
  return withHttp('BAD_USER_INPUT', refusal.message, { status: 400 });
}

/** When one of the other uploads ends is not known. */
const RETRY_SECONDS = 1;

const tooManyUploads = () => rateLimited(RETRY_SECONDS);

/** Types that are shown to models are harmless as downloads; any other is only bytes. */
function safeType(mediaType: string): string {
  const kind = attachmentKindOf(mediaType);
  if (kind === null) return 'application/octet-stream';
  return kind === 'text' ? 'text/plain; charset=utf-8' : mediaType;
}

/** Always a download, under the name of the upload (RFC 6266). */
function disposition(name: string): string {
  const ascii = name.replace(/[^ -~]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
