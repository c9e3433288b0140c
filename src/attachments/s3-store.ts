import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { AwsClient } from 'aws4fetch';
import { type Dispatcher, request } from 'undici';
import { type BlobStore, BlobStoreError } from './blob-store.ts';

interface S3Options {
  bucket: string;
  /** Address of the store; Amazon's for the region if missing. */
  endpoint?: string | undefined;
  region: string;
  /** Begins every key; empty or folders that end with a slash. */
  prefix: string;
  accessKeyId: string;
  secretAccessKey: string;
}

type Answer = Dispatcher.ResponseData;

/** What an error shows of the store's answer. */
const ERROR_CHARACTERS = 500;

/** Keeps blobs as objects of a bucket in any store with the protocol of S3. */
export function createS3Store(options: S3Options): BlobStore {
  const { bucket, region, prefix, accessKeyId, secretAccessKey } = options;
  const endpoint = (options.endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/$/, '');
  const signer = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });

  async function send(
    method: 'PUT' | 'GET' | 'DELETE',
    key: string,
    headers: Record<string, string> = {},
    body: Readable | null = null,
  ): Promise<Answer> {
    const signed = await signer.sign(`${endpoint}/${bucket}/${prefix}${key}`, { method, headers });
    try {
      return await request(signed.url, {
        method,
        headers: { ...Object.fromEntries(signed.headers), ...headers },
        body,
      });
    } catch (error) {
      throw new BlobStoreError(`The object store at ${endpoint} cannot be reached.`, error);
    }
  }

  return {
    async put(key, { path, bytes, sha256 }) {
      // The digest is signed, and the store compares the bytes with it.
      const headers = { 'x-amz-content-sha256': sha256, 'content-length': String(bytes) };
      const answer = await send('PUT', key, headers, createReadStream(path));
      if (answer.statusCode !== 200) throw await failure('store', key, answer);
      await answer.body.dump();
    },
    async read(key) {
      const answer = await send('GET', key);
      if (answer.statusCode === 200) return answer.body;
      const error = await failure('read', key, answer);
      // A missing bucket has the same status as a missing object.
      if (answer.statusCode !== 404 || error.message.includes('NoSuchBucket')) throw error;
      return null;
    },
    async remove(key) {
      const answer = await send('DELETE', key);
      if (![200, 204, 404].includes(answer.statusCode)) throw await failure('remove', key, answer);
      await answer.body.dump();
    },
  };
}

async function failure(verb: string, key: string, { statusCode, body }: Answer): Promise<BlobStoreError> {
  const text = (await body.text()).slice(0, ERROR_CHARACTERS);
  return new BlobStoreError(`The object store did not ${verb} ${key}: status ${statusCode}. ${text}`);
}
