import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startTestGateway, type TestGateway } from '../gateway.ts';

export interface Uploaded {
  id: string;
  name: string;
  mediaType: string;
  bytes: number;
  sha256: string;
  createdAt: string;
  url: string;
}

/** A PNG of one pixel, with more bytes behind its end so that each `filling` makes another file. */
export const png = (filling = '') =>
  Buffer.concat([
    Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    ),
    Buffer.from(filling),
  ]);

export const pdf = Buffer.from('%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n');

export const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

type Options = Exclude<Parameters<typeof startTestGateway>[0], undefined>;

/** A gateway, and the folder in which it keeps attachments. */
export interface AttachmentGateway extends TestGateway {
  folder: string;
}

/** Starts a gateway that keeps attachments in a folder of the test, on both databases. */
export async function startWithFolder(options: Options = {}): Promise<AttachmentGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-attachments-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { attachments } = (options.file ?? {}) as { attachments?: object };
  const file = { ...options.file, attachments: { folder, ...attachments } };
  return { ...(await startTestGateway({ ...options, file })), folder };
}

interface UploadOptions {
  name?: string;
  principal?: string;
  headers?: Record<string, string>;
}

/** Sends a file and returns the response. */
export function post(
  { url }: Pick<TestGateway, 'url'>,
  content: string | Buffer,
  { name = 'file', principal = 'ada', headers = {} }: UploadOptions = {},
): Promise<Response> {
  const address = new URL('/attachments', url);
  if (name !== '') address.searchParams.set('name', name);
  return fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'x-principal': principal, ...headers },
    body: typeof content === 'string' ? content : new Uint8Array(content),
  });
}

/** Uploads a file. Rejects if it is refused. */
export async function upload(
  gateway: Pick<TestGateway, 'url'>,
  content: string | Buffer,
  options: UploadOptions = {},
): Promise<Uploaded> {
  const response = await post(gateway, content, options);
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text);
}

export function download({ url }: Pick<TestGateway, 'url'>, path: string, principal = 'ada'): Promise<Response> {
  return fetch(new URL(path, url), { headers: { 'x-principal': principal } });
}

/** The error of a refused request. */
export async function errorOf(
  response: Response,
): Promise<{ status: number; code: string; limit?: string; message: string }> {
  const { errors } = (await response.json()) as {
    errors: { message: string; extensions: { code: string; limit?: string } }[];
  };
  const [error] = errors;
  return { status: response.status, message: error?.message ?? '', code: '', ...error?.extensions };
}

/** Files of stored attachments and of uploads in progress, without their folders. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** The rows of attachments, in all tables. */
export async function attachmentRows({ gateway }: TestGateway) {
  const { reader } = gateway.parts.database;
  return {
    attachments: await reader.attachment.count(),
    blobs: await reader.blob.count(),
    uses: await reader.attachmentUse.count(),
    discarded: await reader.discardedBlob.count(),
  };
}
