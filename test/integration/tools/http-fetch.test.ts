import dns from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { TOOL_OUTPUT_BYTES } from '../../../src/config/limits.ts';
import type { Json } from '../../../src/domain/events.ts';
import { createHttpFetch } from '../../../src/tools/http-fetch.ts';

/** In these tests 127.0.0.1 stands for the public internet. All other addresses are refused. */
const isAllowed = (address: string) => address === '127.0.0.1';
const publicTool = createHttpFetch({ isAllowed, lookup: async () => ['127.0.0.1'] });
/** Linux serves all of 127.0.0.0/8, so 127.0.0.2 can stand for a private network. */
const withPrivateNetwork = test.runIf(process.platform === 'linux');

async function serve(listener: RequestListener, { host = '127.0.0.1', port = 0 } = {}) {
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server.listen(port, host), 'listening');
  const address = server.address() as AddressInfo;
  return {
    requests,
    sockets,
    port: address.port,
    url: `http://${host}:${address.port}`,
    async [Symbol.asyncDispose]() {
      // Fails if the tool leaves a connection open.
      await expect.poll(() => sockets.size, { interval: 5 }).toBe(0);
      await once(server.close(), 'close');
    },
  };
}

const respondWith =
  (status: number, headers: Record<string, string>, body: string | Buffer = ''): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

function run(input: Json, tool = publicTool, signal = new AbortController().signal): Promise<Json> {
  return tool.execute(input, { signal, idempotencyKey: 'key', session: { id: 'session_1', owner: 'ada' } });
}

describe('a response', () => {
  test('is returned as status, selected headers and text', async () => {
    await using server = await serve(
      respondWith(404, { 'content-type': 'text/plain', etag: '"1"', 'x-other': 'no' }, 'Gone 🌍'),
    );
    expect(await run({ url: `${server.url}/page#part` })).toEqual({
      url: `${server.url}/page#part`,
      status: 404,
      headers: { 'content-type': 'text/plain', etag: '"1"' },
      body: 'Gone 🌍',
      truncated: false,
    });
    expect(server.requests[0]?.headers).toMatchObject({ 'user-agent': 'runtape', 'accept-encoding': 'identity' });
  });

  test('follows a request with method, headers and body', async () => {
    await using server = await serve((request, response) => request.pipe(response));
    const input = {
      url: server.url,
      method: 'PUT',
      headers: { 'X-Key': 'secret', 'User-Agent': 'me' },
      body: '{"ä":1}',
    };
    expect(await run(input)).toMatchObject({ status: 200, body: '{"ä":1}' });
    expect(server.requests[0]).toMatchObject({
      method: 'PUT',
      headers: { 'x-key': 'secret', 'user-agent': 'me', 'content-length': '8', host: `127.0.0.1:${server.port}` },
    });
  });

  test('is decoded by its charset', async () => {
    await using server = await serve(
      respondWith(200, { 'content-type': 'text/html; charset=iso-8859-1' }, Buffer.from([0xe4])),
    );
    expect(await run({ url: server.url })).toMatchObject({ body: 'ä' });
  });

  test.each([
    ['an image', 'image/png', Buffer.from('PNG')],
    ['bytes', 'application/octet-stream', Buffer.from([0xff, 0xfe, 0x41])],
    ['text with NUL', 'text/plain', Buffer.from([0x41, 0x00, 0x42])],
  ])('B44: is reported by type and size if it is %s', async (_, type, bytes) => {
    await using server = await serve(respondWith(200, { 'content-type': type }, bytes));
    expect(await run({ url: server.url })).toMatchObject({
      body: null,
      binary: { type, encoding: null, bytes: 3 },
      truncated: false,
    });
  });

  test('B44: is not shown if it is compressed', async () => {
    await using server = await serve(
      respondWith(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, 'abc'),
    );
    expect(await run({ url: server.url })).toMatchObject({ body: null, binary: { encoding: 'gzip', bytes: 3 } });
  });

  test('to HEAD has no body', async () => {
    await using server = await serve(respondWith(200, { 'content-length': '1000', 'content-type': 'text/plain' }));
    expect(await run({ url: server.url, method: 'HEAD' })).toMatchObject({ status: 200, body: '', truncated: false });
  });

  test.each([
    ['letters', 'x'],
    ['line breaks, which are longer in JSON', '"\n'],
    ['characters of three bytes', '€'],
  ])('B44: with an endless body of %s is cut, and the whole output stays within its limit', async (_, unit) => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const flood = () => {
        while (!response.destroyed && response.write(unit.repeat(10_000)));
      };
      response.on('drain', flood);
      flood();
    });
    const output = await run({ url: server.url });
    expect(output).toMatchObject({ status: 200, truncated: true, body: expect.stringMatching(/^[x€"\n]+$/) });
    const bytes = Buffer.byteLength(JSON.stringify(output));
    expect(bytes).toBeLessThanOrEqual(TOOL_OUTPUT_BYTES);
    // The word that is cut is left out.
    expect(bytes).toBeGreaterThan(TOOL_OUTPUT_BYTES - 1024 - 3 * 4096);
  });
});

describe('the input, before an approval,', () => {
  const { prepare } = createHttpFetch();
  test.each<[string, Json, string]>([
    ['a private address', { url: 'http://10.0.0.1/' }, '10.0.0.1 is not a public address'],
    ['an unusual notation of an address', { url: 'http://0x7f.1:8080/' }, '127.0.0.1 is not a public address'],
    ['a local name', { url: 'http://LocalHost./' }, '"localhost" is a local name'],
    ['another scheme', { url: 'file:///etc/passwd' }, 'Only http and https'],
    ['credentials', { url: 'http://a:b@example.com/' }, 'user name or a password'],
    ['a relative URL', { url: '/page' }, 'must be absolute'],
    ['an unknown method', { url: 'https://example.com/', method: 'TRACE' }, 'Invalid input'],
    ['an unknown field', { url: 'https://example.com/', verify: false }, 'Invalid input'],
    ['a body with GET', { url: 'https://example.com/', body: 'x' }, 'A GET request has no body'],
    ['a header with a line break', { url: 'https://example.com/', headers: { a: 'b\r\nhost: c' } }, 'A header has'],
    ['a header with a space', { url: 'https://example.com/', headers: { 'a b': 'c' } }, 'A header has'],
  ])('B62: is refused: %s', (_, input, reason) => {
    expect(prepare(input, 'ada')).toEqual({ ok: false, error: expect.stringContaining(reason) });
  });

  test.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'connection',
    'Proxy-Authorization',
    'proxy-anything',
    'cookie2',
    'Upgrade',
    'expect',
    'TE',
    'trailer',
    'keep-alive',
    'accept-encoding',
  ])('B62: is refused: the header %s', (name) => {
    expect(prepare({ url: 'https://example.com/', headers: { accept: 'text/html', [name]: 'x' } }, 'ada')).toEqual({
      ok: false,
      error: `These headers must not be set: ${name}.`,
    });
  });

  test('B62: is accepted unchanged if it is valid', () => {
    const input = { url: 'https://example.com/', method: 'POST', headers: { Cookie: 'a=b' }, body: '{}' };
    expect(prepare(input, 'ada')).toEqual({ ok: true, input });
    expect(createHttpFetch()).toMatchObject({
      name: 'http_fetch',
      risk: 'HIGH',
      idempotent: false,
      parallelSafe: true,
    });
  });
});

describe('private networks', () => {
  withPrivateNetwork('B62: an address in the URL is refused, even if `prepare` was not called', async () => {
    await using hidden = await serve(respondWith(200, {}, 'secret'), { host: '127.0.0.2' });
    await expect(run({ url: hidden.url })).rejects.toThrow('127.0.0.2 is not a public address');
    expect(hidden.requests).toHaveLength(0);
    // The same request succeeds if the address is allowed, so the check was what stopped it.
    expect(await run({ url: hidden.url }, createHttpFetch({ isAllowed: () => true }))).toMatchObject({
      body: 'secret',
    });
  });

  withPrivateNetwork.each([301, 302, 303, 307, 308])(
    'B62: a redirect (%i) to a private address is not followed',
    async (status) => {
      await using hidden = await serve(respondWith(200, {}, 'secret'), { host: '127.0.0.2' });
      await using server = await serve(respondWith(status, { location: hidden.url }, 'moved'));
      await expect(run({ url: server.url })).rejects.toThrow(
        'The redirect was not followed. 127.0.0.2 is not a public',
      );
      expect(server.requests).toHaveLength(1);
      expect(hidden.requests).toHaveLength(0);
    },
  );

  test.each([
    'http://localhost/',
    'http://0x7f.2/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    '//169.254.169.254/',
    'file:///etc/passwd',
    'http://a:b@example.com/',
  ])('B62: a redirect to %s is not followed', async (location) => {
    await using server = await serve(respondWith(302, { location }));
    await expect(run({ url: server.url })).rejects.toThrow('The redirect was not followed.');
  });

  withPrivateNetwork.each([[['127.0.0.2']], [['127.0.0.1', '127.0.0.2']], [['127.0.0.2', '127.0.0.1']]])(
    'B62: a name that resolves to %j is refused',
    async (addresses) => {
      await using hidden = await serve(respondWith(200, {}, 'secret'), { host: '127.0.0.2' });
      const tool = createHttpFetch({ isAllowed, lookup: async () => addresses });
      const url = `http://name.example:${hidden.port}/`;
      await expect(run({ url }, tool)).rejects.toThrow('"name.example" resolves to an address that is not public');
      expect(hidden.sockets.size).toBe(0);
      expect(hidden.requests).toHaveLength(0);
    },
  );

  withPrivateNetwork(
    'B62: a name is resolved once, and the connection goes to the address that was checked',
    async () => {
      await using server = await serve(respondWith(200, {}, 'public'));
      await using hidden = await serve(respondWith(200, {}, 'secret'), { host: '127.0.0.2', port: server.port });
      const addresses = ['127.0.0.1', '127.0.0.2'];
      const tool = createHttpFetch({ isAllowed, lookup: async () => addresses.splice(0, 1) });
      expect(await run({ url: `http://name.example:${server.port}/` }, tool)).toMatchObject({ body: 'public' });
      expect(addresses).toEqual(['127.0.0.2']);
      expect(server.requests[0]?.headers.host).toBe(`name.example:${server.port}`);
      expect(hidden.requests).toHaveLength(0);
    },
  );

  withPrivateNetwork('B62: a name whose address changes between two requests is refused at the second', async () => {
    await using server = await serve(respondWith(302, { location: '/again', connection: 'close' }));
    await using hidden = await serve(respondWith(200, {}, 'secret'), { host: '127.0.0.2', port: server.port });
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const tool = createHttpFetch({ isAllowed, lookup: async () => addresses.splice(0, 1) });
    await expect(run({ url: `http://name.example:${server.port}/` }, tool)).rejects.toThrow('not public');
    expect(addresses).toEqual([]);
    expect(hidden.requests).toHaveLength(0);
  });

  test('B62: the resolver of the machine is the default, and its addresses are checked', async () => {
    const machineLookup = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(async () => [{ address: '10.0.0.1', family: 4 }] as never);
    try {
      await expect(run({ url: 'http://name.example/' }, createHttpFetch())).rejects.toThrow('not public');
      expect(machineLookup).toHaveBeenCalledExactlyOnceWith('name.example', { all: true });
    } finally {
      machineLookup.mockRestore();
    }
  });
});

describe('redirects', () => {
  test('are followed, and the last URL is returned', async () => {
    await using server = await serve((request, response) =>
      request.url === '/end' ? response.end('there') : response.writeHead(302, { location: 'end' }).end('moved'),
    );
    expect(await run({ url: `${server.url}/start` })).toMatchObject({ url: `${server.url}/end`, body: 'there' });
  });

  test('are followed five times', async () => {
    await using server = await serve(respondWith(302, { location: '/' }));
    await expect(run({ url: server.url })).rejects.toThrow('redirected more than 5 times');
    expect(server.requests).toHaveLength(6);
  });

  test('without a location are responses', async () => {
    await using server = await serve(respondWith(302, {}, 'no location'));
    expect(await run({ url: server.url })).toMatchObject({ status: 302, body: 'no location' });
  });

  test('B62: send credentials only to their origin', async () => {
    await using other = await serve(respondWith(200, {}, 'other'));
    await using server = await serve((request, response) =>
      request.url === '/'
        ? respondWith(307, { location: '/same' })(request, response)
        : respondWith(307, { location: other.url })(request, response),
    );
    const headers = { Authorization: 'Bearer secret', Cookie: 'a=b', 'X-Api-Key': 'secret', Accept: 'text/html' };
    await run({ url: server.url, headers });
    expect(server.requests[1]?.headers).toMatchObject({ authorization: 'Bearer secret', cookie: 'a=b' });
    expect(Object.keys(other.requests[0]?.headers ?? {}).sort()).toEqual(
      ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'].sort(),
    );
  });
});

describe('an aborted call', () => {
  const reason = new Error('cancelled');

  test('B44: ends while it waits for the response', async () => {
    const controller = new AbortController();
    await using server = await serve(() => controller.abort(reason));
    await expect(run({ url: server.url }, publicTool, controller.signal)).rejects.toBe(reason);
    await expect.poll(() => server.sockets.size).toBe(0);
  });

  test('B44: ends in the middle of the body', async () => {
    const controller = new AbortController();
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('beginning', () => setImmediate(() => controller.abort(reason)));
    });
    await expect(run({ url: server.url }, publicTool, controller.signal)).rejects.toBe(reason);
    await expect.poll(() => server.sockets.size).toBe(0);
  });

  test('B44: opens no connection if its name is resolved afterwards', async () => {
    const controller = new AbortController();
    await using server = await serve(respondWith(200, {}));
    let resolve = (_: string[]) => {};
    const addresses = new Promise<string[]>((settle) => {
      resolve = settle;
    });
    const lookup = () => {
      queueMicrotask(() => controller.abort(reason));
      return addresses;
    };
    const tool = createHttpFetch({ isAllowed, lookup });
    await expect(run({ url: `http://name.example:${server.port}/` }, tool, controller.signal)).rejects.toBe(reason);
    resolve(['127.0.0.1']);
    await new Promise((settle) => setImmediate(settle));
    expect(server.sockets.size).toBe(0);
    expect(server.requests).toHaveLength(0);
  });

  test('B44: ends during the TLS handshake', async () => {
    const controller = new AbortController();
    const server = createTcpServer((socket) => socket.once('data', () => controller.abort(reason)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const connection = once(server, 'connection');
    await expect(run({ url: `https://127.0.0.1:${port}/` }, publicTool, controller.signal)).rejects.toBe(reason);
    const [socket] = await connection;
    if (!socket.destroyed)
      await once(
        socket.on('error', () => {}),
        'close',
      );
    await once(server.close(), 'close');
  });

  test('fails if the server closes the connection', async () => {
    await using server = await serve((request) => request.socket.destroy());
    await expect(run({ url: server.url })).rejects.toThrow();
  });
});
