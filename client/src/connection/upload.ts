import { bearer } from './graphql-request.ts';
import type { BuildRequest, Requests } from './requests.ts';

const UPLOAD_MILLISECONDS = 300_000;

/** Stores a file and returns its id. Equal bytes are stored once, so a lost answer is no problem. */
export async function upload({ perform }: Requests, url: URL, file: Blob): Promise<string> {
  const target = new URL('/attachments', url);
  target.searchParams.set('name', 'name' in file ? String(file.name) : 'file');
  const build: BuildRequest = (token, signal) => ({
    target,
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...bearer(token) },
    body: file,
    signal,
  });
  return (await perform<{ id: string }>(build, UPLOAD_MILLISECONDS)).id;
}
