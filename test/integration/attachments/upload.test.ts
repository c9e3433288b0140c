import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { AttachmentByIdDocument } from '../../generated/graphql.ts';
import { until } from '../gateway.ts';
import {
  attachmentRows,
  download,
  errorOf,
  filesIn,
  pdf,
  png,
  post,
  sha256,
  startWithFolder,
  upload,
} from './uploads.ts';

const nothing = { attachments: 0, blobs: 0, uses: 0, discarded: 0 };

describe('B71: an upload', () => {
  test('is answered with the attachment, which its owner finds by id and downloads byte for byte', async () => {
    const gateway = await startWithFolder();
    const content = png('more');
    const uploaded = await upload(gateway, content, { name: 'Bild "1".png' });
    expect(uploaded).toEqual({
      id: expect.stringMatching(/^att_/),
      name: 'Bild "1".png',
      mediaType: 'image/png',
      bytes: content.length,
      sha256: sha256(content),
      createdAt: expect.any(String),
      url: `/attachments/${uploaded.id}`,
    });
    const { node } = await gateway.client.send(AttachmentByIdDocument, { id: uploaded.id });
    expect(node).toEqual(uploaded);
    const response = await download(gateway, uploaded.url);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(content.length),
      'content-disposition': `attachment; filename="Bild _1_.png"; filename*=UTF-8''Bild%20%221%22.png`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; sandbox",
    });
  });

  test('has the media type of its content, whatever its name and its content type say', async () => {
    const gateway = await startWithFolder();
    const typeOf = async (content: string | Buffer) =>
      (await upload(gateway, content, { name: 'x.html', headers: { 'content-type': 'text/html' } })).mediaType;
    expect(await typeOf(png())).toBe('image/png');
    expect(await typeOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0]))).toBe('image/jpeg');
    expect(await typeOf(pdf)).toBe('application/pdf');
    expect(await typeOf('<script>alert(1)</script>')).toBe('text/plain');
    expect(await typeOf('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')).toBe('text/plain');
    expect(await typeOf('Grüße 😀')).toBe('text/plain');
    expect(await typeOf(Buffer.from([0x50, 0x4b, 5, 6, ...new Array(18).fill(0)]))).toBe('application/zip');
    expect(await typeOf(Buffer.from('nul\0'))).toBe('application/octet-stream');
    expect(await typeOf(Buffer.from([0xc3, 0x28]))).toBe('application/octet-stream');
  });

  test('that is not of a type that models are shown is downloaded as bytes', async () => {
    const gateway = await startWithFolder();
    const { url } = await upload(gateway, Buffer.from('nul\0'));
    expect((await download(gateway, url)).headers.get('content-type')).toBe('application/octet-stream');
    const { url: html } = await upload(gateway, '<script>alert(1)</script>', { name: 'x.html' });
    expect((await download(gateway, html)).headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  test('of equal bytes is stored once for each owner, and each one has its own id and name', async () => {
    const gateway = await startWithFolder();
    const uploads = await Promise.all(['a', 'b', 'c'].map((name) => upload(gateway, png(), { name })));
    const ofBob = await upload(gateway, png(), { principal: 'bob' });
    expect(new Set([...uploads, ofBob].map(({ id }) => id)).size).toBe(4);
    expect(uploads.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(await filesIn(gateway.folder)).toHaveLength(2);
    expect(await attachmentRows(gateway)).toEqual({ attachments: 4, blobs: 2, uses: 0, discarded: 0 });
  });

  test('of another principal does not exist', async () => {
    const gateway = await startWithFolder();
    const { id, url } = await upload(gateway, png());
    const { node } = await gateway.clientOf('bob').send(AttachmentByIdDocument, { id });
    expect(node).toBeNull();
    const [foreign, unknown] = [await download(gateway, url, 'bob'), await download(gateway, `${url}x`, 'bob')];
    expect(await errorOf(foreign)).toEqual({
      status: 404,
      code: 'NOT_FOUND',
      message: `There is no attachment ${id}.`,
    });
    expect((await errorOf(unknown)).status).toBe(404);
  });

  test('with a Content-Digest is compared with it', async () => {
    const gateway = await startWithFolder();
    const digestOf = (content: Buffer) => `sha-256=:${Buffer.from(sha256(content), 'hex').toString('base64')}:`;
    await upload(gateway, png(), { headers: { 'content-digest': `sha-512=:abc=:, ${digestOf(png())}` } });
    const wrong = await post(gateway, png('other'), { headers: { 'content-digest': digestOf(png()) } });
    expect(await errorOf(wrong)).toMatchObject({
      status: 400,
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('SHA-256'),
    });
    const unusable = await post(gateway, png('other'), { headers: { 'content-digest': 'md5=:abc=:' } });
    expect(await errorOf(unusable)).toMatchObject({ status: 400, message: expect.stringContaining('has no SHA-256') });
    expect(await filesIn(gateway.folder)).toHaveLength(1);
    expect(await attachmentRows(gateway)).toEqual({ attachments: 1, blobs: 1, uses: 0, discarded: 0 });
  });
});

describe('B71: a refused upload stores nothing', () => {
  test('that is too large, empty, unnamed, badly named, encoded, or sent like a form', async () => {
    const gateway = await startWithFolder({ file: { attachments: { maxBytes: 100 } } });
    const refuse = async (content: string | Buffer, options: Parameters<typeof post>[2] = {}) =>
      errorOf(await post(gateway, content, options));
    expect(await refuse('x'.repeat(101))).toEqual({
      status: 413,
      code: 'LIMIT_EXCEEDED',
      limit: 'attachmentBytes',
      message: 'The file has 101 bytes; the limit is 100. The operator can raise attachments.maxBytes.',
    });
    expect(await refuse('')).toMatchObject({ status: 400, message: expect.stringContaining('is empty') });
    expect(await refuse('x', { name: '' })).toMatchObject({ status: 400, message: 'name: must not be empty' });
    expect(await refuse('x', { name: '../x' })).toMatchObject({
      status: 400,
      message: expect.stringContaining('slashes'),
    });
    expect(await refuse('x', { name: 'é'.repeat(128) })).toMatchObject({ status: 400 });
    expect(await refuse('x', { headers: { 'content-encoding': 'gzip' } })).toMatchObject({ status: 415 });
    for (const type of ['multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'text/plain']) {
      const response = await post(gateway, 'x', { headers: { 'content-type': type } });
      expect([type, response.status]).toEqual([type, 415]);
    }
    expect(await filesIn(gateway.folder)).toEqual([]);
    expect(await attachmentRows(gateway)).toEqual(nothing);
  });

  test('that does not say its length, or uses another method', async () => {
    const gateway = await startWithFolder();
    const chunked = await fetch(new URL('/attachments?name=x', gateway.url), {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Blob(['x']).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(await errorOf(chunked)).toMatchObject({ status: 411, message: expect.stringContaining('Content-Length') });
    const put = await fetch(new URL('/attachments', gateway.url), { method: 'PUT', body: 'x' });
    expect(put.headers.get('allow')).toBe('POST');
    expect((await errorOf(put)).status).toBe(405);
    const list = await fetch(new URL('/attachments', gateway.url));
    expect((await errorOf(list)).status).toBe(405);
    expect(await attachmentRows(gateway)).toEqual(nothing);
  });

  test('of a page of another site, or when the owner has as many as are allowed', async () => {
    const gateway = await startWithFolder({ file: { attachments: { perOwner: 1 } } });
    const foreign = await post(gateway, png(), { headers: { origin: 'https://evil.example' } });
    expect(foreign.status).toBe(403);
    await upload(gateway, png());
    expect(await errorOf(await post(gateway, png('b')))).toMatchObject({ status: 400, limit: 'attachmentsPerOwner' });
    expect(await attachmentRows(gateway)).toMatchObject({ attachments: 1, blobs: 1 });
  });

  test('that is cut off', async () => {
    const gateway = await startWithFolder();
    const { port, host } = new URL(gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `POST /attachments?name=x HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/octet-stream\r\ncontent-length: 100000\r\n\r\n`,
    );
    socket.write(Buffer.alloc(50_000, 1));
    await until(async () => (await filesIn(gateway.folder)).length === 1, 'the file of the upload');
    socket.destroy();
    await until(async () => (await filesIn(gateway.folder)).length === 0, 'the removal of the file');
    expect(await attachmentRows(gateway)).toEqual(nothing);
  });
});

test('a client that waits for "100 Continue" sends the body of an accepted upload only', async () => {
  const gateway = await startWithFolder({ file: { attachments: { maxBytes: 10 } } });
  const { port, host } = new URL(gateway.url);
  const exchange = async (length: number) => {
    const socket = connect(Number(port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
      if (received.endsWith('100 Continue\r\n\r\n')) socket.write('x'.repeat(length));
    });
    socket.write(
      `POST /attachments?name=x HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-type: application/octet-stream\r\ncontent-length: ${length}\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once('close', resolve));
    return received;
  };
  expect(await exchange(11)).toMatch(/^HTTP\/1.1 413 /);
  expect(await exchange(10)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /);
});
