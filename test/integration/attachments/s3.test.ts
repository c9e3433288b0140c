import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import S3rver from 's3rver';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createS3Store } from '../../../src/attachments/s3-store.ts';
import { PurgeSessionDocument } from '../../generated/graphql.ts';
import { follow, runById, send } from '../conversation.ts';
import { attachmentRows, download, errorOf, filesIn, png, post, sha256, startWithFolder, upload } from './uploads.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-s3-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts an S3-compatible server with one bucket. Returns its address and the folder that has its objects. */
async function startS3() {
  const directory = await temporaryFolder();
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: [{ name: 'files', configs: [] }],
  });
  const { port } = await server.run();
  onTestFinished(() => server.close());
  return { endpoint: `http://127.0.0.1:${port}`, directory };
}

const environment = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

/** An object of this server is a file with this name, beside files about it. */
const objectsIn = async (folder: string) => (await filesIn(folder)).filter((name) => name.endsWith('._S3rver_object'));

describe('B70: with an S3-compatible store', () => {
  test('attachments are stored once, downloaded, shown to models, and purged', async () => {
    const { endpoint, directory } = await startS3();
    const s3 = { bucket: 'files', endpoint, prefix: 'runtape/' };
    const gateway = await startWithFolder({ file: { attachments: { s3 } }, environment });
    const content = Buffer.concat([png(), Buffer.alloc(500_000, 3)]);
    const [one] = [await upload(gateway, content, { name: 'a.png' }), await upload(gateway, content)];
    expect(await objectsIn(directory)).toHaveLength(1);
    expect(await filesIn(gateway.folder)).toEqual([]);
    const response = await download(gateway, one.url);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
    const message = { sessionKey: 'k', text: '/attachments', attachmentIds: [one.id] };
    const { run, session } = await send(gateway.client, message);
    await follow(gateway.client, run.id);
    expect((await runById(gateway.client, run.id)).output).toBe(
      `a.png image/png ${content.length} bytes ${sha256(content)}`,
    );
    const { database } = gateway.gateway.parts;
    await database.write((writer) => writer.attachment.deleteMany({ where: { uses: { none: {} } } }));
    const input = { sessionId: session.id, confirmKey: 'k' };
    await gateway.client.send(PurgeSessionDocument, { input });
    expect(await objectsIn(directory)).toEqual([]);
    expect(await attachmentRows(gateway)).toEqual({ attachments: 0, blobs: 0, uses: 0, discarded: 0 });
  });

  test('a missing object is told from a missing bucket', async () => {
    const { endpoint } = await startS3();
    const access = { endpoint, region: 'us-east-1', prefix: '', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
    expect(await createS3Store({ ...access, bucket: 'files' }).read('absent')).toBeNull();
    await expect(createS3Store({ ...access, bucket: 'absent' }).read('absent')).rejects.toThrow(/404.*NoSuchBucket/s);
  });

  test('an upload is refused while the store is away, and leaves nothing', async () => {
    const s3 = { bucket: 'files', endpoint: 'http://127.0.0.1:1' };
    const gateway = await startWithFolder({ file: { attachments: { s3 } }, environment });
    expect(await errorOf(await post(gateway, png()))).toMatchObject({
      status: 503,
      code: 'UNAVAILABLE',
      message: 'The file could not be stored now. Try again later.',
    });
    expect(await filesIn(gateway.folder)).toEqual([]);
    // The removal of what may have been stored is tried again.
    expect(await attachmentRows(gateway)).toEqual({ attachments: 0, blobs: 0, uses: 0, discarded: 1 });
  });
});

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** The signature of a request, computed as Amazon documents it (AWS Signature Version 4). */
function signatureOf({ method, url, headers }: IncomingMessage, secret: string): string {
  const authorization = String(headers.authorization);
  const [, scope = '', names = ''] = /Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+)/.exec(authorization) ?? [];
  const canonicalHeaders = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonical = [method, url, '', canonicalHeaders.join(''), names, headers['x-amz-content-sha256']].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>((secretKey, part) => hmac(secretKey, part), `AWS4${secret}`);
  return createHmac('sha256', key).update(text).digest('hex');
}

test('requests to the store are signed, with the digest and the length of the bytes', async () => {
  const requests: { isSigned: boolean; method: string; url: string; signed: string; length?: string; body: string }[] =
    [];
  const server = createServer(async (request, response) => {
    const { headers, method = '', url = '' } = request;
    const body = createHash('sha256')
      .update(await buffer(request))
      .digest('hex');
    const [, signature, signed = ''] = [
      null,
      /Signature=([0-9a-f]+)/.exec(String(headers.authorization))?.[1],
      String(headers['x-amz-content-sha256']),
    ];
    requests.push({
      isSigned: signature === signatureOf(request, 'secret'),
      method,
      url,
      signed,
      length: headers['content-length'],
      body,
    });
    response.writeHead(method === 'GET' ? 404 : 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  const options = { bucket: 'b', endpoint: `http://127.0.0.1:${port}/`, region: 'eu-central-1', prefix: 'p/' };
  const store = createS3Store({ ...options, accessKeyId: 'id', secretAccessKey: 'secret' });
  const path = join(await temporaryFolder(), 'file');
  await writeFile(path, 'content');
  await store.put('o/wn/er-1', { path, bytes: 7, sha256: sha256('content') });
  expect(await store.read('o/wn/er-1')).toBeNull();
  await store.remove('o/wn/er-1');
  expect(requests).toMatchObject([
    {
      method: 'PUT',
      url: '/b/p/o/wn/er-1',
      isSigned: true,
      signed: sha256('content'),
      body: sha256('content'),
      length: '7',
    },
    { method: 'GET', url: '/b/p/o/wn/er-1', isSigned: true },
    { method: 'DELETE', url: '/b/p/o/wn/er-1', isSigned: true },
  ]);
});
