import dns from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { Headers } from 'undici';
import { describe, expect, test, vi } from 'vitest';
import { TOOL_OUTPUT_BYTES } from '../../../src/config/limits.ts';
import type { Json } from '../../../src/domain/events.ts';
import { createHttpFetch, redirectedHop } from '../../../src/tools/http-fetch.ts';

/** These tests call 127.0.0.1 the internet; every other address is as forbidden as ever. */
const isAllowed = (address: string) => address === '127.0.0.1';
const publicTool = createHttpFetch({ isAllowed, lookup: async () => ['127.0.0.1'] });
/** A private network beside that internet: Linux answers on the whole of 127.0.0.0/8, without being asked to. */
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
      // A connection that the tool leaves open shows here.
      await expect.poll(() => sockets.size, { interval: 5 }).toBe(0);
      await once(server.close(), 'close');
    },
  };
}

const answer =
  (status: number, headers: Record<string, string>, body: string | Buffer = ''): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

function run(input: Json, tool = publicTool, signal = new AbortController().signal): Promise<Json> {
  return tool.execute(input, { signal, idempotencyKey: 'key', session: { id: 'session_1', owner: 'ada' } });
}

describe('answers', () => {
  test('are status, the useful headers and the text', async () => {
    await using server = await serve(
      answer(404, { 'content-type': 'text/plain', etag: '"1"', 'x-other': 'no' }, 'Gone 🌍'),
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

  test('a method, headers and a body are sent', async () => {
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

  test('other charsets than UTF-8 are read', async () => {
    await using server = await serve(
      answer(200, { 'content-type': 'text/html; charset=iso-8859-1' }, Buffer.from([0xe4])),
    );
    expect(await run({ url: server.url })).toMatchObject({ body: 'ä' });
  });

  test.each([
    ['an image', 'image/png', Buffer.from('PNG')],
    ['bytes', 'application/octet-stream', Buffer.from([0xff, 0xfe, 0x41])],
    ['text with NUL', 'text/plain', Buffer.from([0x41, 0x00, 0x42])],
  ])('B44: %s is reported by type and size', async (_, type, bytes) => {
    await using server = await serve(answer(200, { 'content-type': type }, bytes));
    expect(await run({ url: server.url })).toMatchObject({
      body: null,
      binary: { type, encoding: null, bytes: 3 },
      truncated: false,
    });
  });

  test('B44: an encoding that nobody asked for is reported, not shown', async () => {
    await using server = await serve(answer(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, 'abc'));
    expect(await run({ url: server.url })).toMatchObject({ body: null, binary: { encoding: 'gzip', bytes: 3 } });
  });

  test('HEAD has no body', async () => {
    await using server = await serve(answer(200, { 'content-length': '1000', 'content-type': 'text/plain' }));
    expect(await run({ url: server.url, method: 'HEAD' })).toMatchObject({ status: 200, body: '', truncated: false });
  });

  test.each([
    ['letters', 'x'],
    ['line ends, which JSON writes longer', '"\n'],
    ['characters of three bytes', '€'],
  ])('B44: an endless body of %s is cut, and the output as a whole stays within its bound', async (_, unit) => {
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
    expect(bytes).toBeGreaterThan(TOOL_OUTPUT_BYTES - 1024);
  });
});

describe('what is refused before anybody is asked', () => {
  const { prepare } = createHttpFetch();
  test.each<[string, Json, string]>([
    ['a private address', { url: 'http://10.0.0.1/' }, '10.0.0.1 is not a public address'],
    ['an odd notation', { url: 'http://0x7f.1:8080/' }, '127.0.0.1 is not a public address'],
    ['a local name', { url: 'http://LocalHost./' }, '"localhost" is a local name'],
    ['another scheme', { url: 'file:///etc/passwd' }, 'Only http and https'],
    ['credentials', { url: 'http://a:b@example.com/' }, 'user name or a password'],
    ['a relative URL', { url: '/page' }, 'must be absolute'],
    ['an unknown method', { url: 'https://example.com/', method: 'TRACE' }, 'Invalid input'],
    ['an unknown field', { url: 'https://example.com/', verify: false }, 'Invalid input'],
    ['a body with GET', { url: 'https://example.com/', body: 'x' }, 'A GET request has no body'],
    ['a header with a line end', { url: 'https://example.com/', headers: { a: 'b\r\nhost: c' } }, 'A header has'],
    ['a header with a space', { url: 'https://example.com/', headers: { 'a b': 'c' } }, 'A header has'],
  ])('B62: %s', (_, input, reason) => {
    expect(prepare(input)).toEqual({ ok: false, error: expect.stringContaining(reason) });
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
  ])('B62: the header %s', (name) => {
    expect(prepare({ url: 'https://example.com/', headers: { accept: 'text/html', [name]: 'x' } })).toEqual({
      ok: false,
      error: `These headers must not be set: ${name}.`,
    });
  });

  test('B62: an ordinary request passes, unchanged', () => {
    const input = { url: 'https://example.com/', method: 'POST', headers: { Cookie: 'a=b' }, body: '{}' };
    expect(prepare(input)).toEqual({ ok: true, input });
    expect(createHttpFetch()).toMatchObject({
      name: 'http_fetch',
      risk: 'HIGH',
      idempotent: false,
      parallelSafe: true,
    });
  });
});

describe('private networks', () => {
  withPrivateNetwork('B62: a literal address is refused also where nothing was prepared', async () => {
    await using hidden = await serve(answer(200, {}, 'secret'), { host: '127.0.0.2' });
    await expect(run({ url: hidden.url })).rejects.toThrow('127.0.0.2 is not a public address');
    expect(hidden.requests).toHaveLength(0);
    // The same request arrives where the address is allowed: it is the check that stopped it.
    expect(await run({ url: hidden.url }, createHttpFetch({ isAllowed: () => true }))).toMatchObject({
      body: 'secret',
    });
  });

  withPrivateNetwork.each([301, 302, 303, 307, 308])('B62: a redirect (%i) to one is not followed', async (status) => {
    await using hidden = await serve(answer(200, {}, 'secret'), { host: '127.0.0.2' });
    await using server = await serve(answer(status, { location: hidden.url }, 'moved'));
    await expect(run({ url: server.url })).rejects.toThrow('The redirect was not followed. 127.0.0.2 is not a public');
    expect(server.requests).toHaveLength(1);
    expect(hidden.requests).toHaveLength(0);
  });

  test.each([
    'http://localhost/',
    'http://0x7f.2/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    '//169.254.169.254/',
    'file:///etc/passwd',
    'http://a:b@example.com/',
  ])('B62: a redirect to %s is not followed', async (location) => {
    await using server = await serve(answer(302, { location }));
    await expect(run({ url: server.url })).rejects.toThrow('The redirect was not followed.');
  });

  withPrivateNetwork.each([[['127.0.0.2']], [['127.0.0.1', '127.0.0.2']], [['127.0.0.2', '127.0.0.1']]])(
    'B62: a name that leads to %j is refused',
    async (addresses) => {
      await using hidden = await serve(answer(200, {}, 'secret'), { host: '127.0.0.2' });
      const tool = createHttpFetch({ isAllowed, lookup: async () => addresses });
      const url = `http://name.example:${hidden.port}/`;
      await expect(run({ url }, tool)).rejects.toThrow('"name.example" leads to an address that is not public');
      expect(hidden.sockets.size).toBe(0);
      expect(hidden.requests).toHaveLength(0);
    },
  );

  withPrivateNetwork(
    'B62: a name is asked for once, and the connection goes to the answer that was checked',
    async () => {
      await using server = await serve(answer(200, {}, 'public'));
      await using hidden = await serve(answer(200, {}, 'secret'), { host: '127.0.0.2', port: server.port });
      const answers = ['127.0.0.1', '127.0.0.2'];
      const tool = createHttpFetch({ isAllowed, lookup: async () => answers.splice(0, 1) });
      expect(await run({ url: `http://name.example:${server.port}/` }, tool)).toMatchObject({ body: 'public' });
      expect(answers).toEqual(['127.0.0.2']);
      expect(server.requests[0]?.headers.host).toBe(`name.example:${server.port}`);
      expect(hidden.requests).toHaveLength(0);
    },
  );

  withPrivateNetwork('B62: a name that changes its answer between two hops is refused at the second', async () => {
    await using server = await serve(answer(302, { location: '/again', connection: 'close' }));
    await using hidden = await serve(answer(200, {}, 'secret'), { host: '127.0.0.2', port: server.port });
    const answers = ['127.0.0.1', '127.0.0.2'];
    const tool = createHttpFetch({ isAllowed, lookup: async () => answers.splice(0, 1) });
    await expect(run({ url: `http://name.example:${server.port}/` }, tool)).rejects.toThrow('not public');
    expect(answers).toEqual([]);
    expect(hidden.requests).toHaveLength(0);
  });

  test('B62: without a resolver of its own it asks the machine, and judges the answer', async () => {
    const machine = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(async () => [{ address: '10.0.0.1', family: 4 }] as never);
    try {
      await expect(run({ url: 'http://name.example/' }, createHttpFetch())).rejects.toThrow('not public');
      expect(machine).toHaveBeenCalledExactlyOnceWith('name.example', { all: true });
    } finally {
      machine.mockRestore();
    }
  });
});

describe('redirects', () => {
  const hop = (url: string, method = 'GET', headers: Record<string, string> = {}, body: string | null = null) => ({
    url: new URL(url),
    method,
    headers: new Headers(headers),
    body,
  });

  test('are followed, and the last URL is told', async () => {
    await using server = await serve((request, response) =>
      request.url === '/end' ? response.end('there') : response.writeHead(302, { location: 'end' }).end('moved'),
    );
    expect(await run({ url: `${server.url}/start` })).toMatchObject({ url: `${server.url}/end`, body: 'there' });
  });

  test('end after five', async () => {
    await using server = await serve(answer(302, { location: '/' }));
    await expect(run({ url: server.url })).rejects.toThrow('redirected more than 5 times');
    expect(server.requests).toHaveLength(6);
  });

  test('without a place to go are answers', async () => {
    await using server = await serve(answer(302, {}, 'where?'));
    expect(await run({ url: server.url })).toMatchObject({ status: 302, body: 'where?' });
  });

  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'DELETE', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [301, 'HEAD', 'HEAD'],
    [302, 'PUT', 'PUT'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
  ])('%i turns %s into %s', (status, method, expected) => {
    const sent = method === 'HEAD' ? null : 'x';
    const next = redirectedHop(hop('http://a.example/', method, { 'content-type': 'text/plain' }, sent), status, '/b');
    const keeps = method === expected;
    expect(next).toMatchObject({ method: expected, body: keeps ? sent : null });
    expect(next?.headers.has('content-type')).toBe(keeps);
  });

  test.each([200, 300, 304, 404])('%i is none', (status) => {
    expect(redirectedHop(hop('http://a.example/'), status, '/b')).toBeNull();
  });

  test('B62: secrets stay with their origin', async () => {
    await using other = await serve(answer(200, {}, 'other'));
    await using server = await serve((request, response) =>
      request.url === '/'
        ? answer(307, { location: '/same' })(request, response)
        : answer(307, { location: other.url })(request, response),
    );
    const headers = { Authorization: 'Bearer secret', Cookie: 'a=b', 'X-Api-Key': 'secret', Accept: 'text/html' };
    await run({ url: server.url, headers });
    expect(server.requests[1]?.headers).toMatchObject({ authorization: 'Bearer secret', cookie: 'a=b' });
    expect(Object.keys(other.requests[0]?.headers ?? {}).sort()).toEqual(
      ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'].sort(),
    );
  });

  test('B62: https never turns into http', () => {
    expect(() => redirectedHop(hop('https://a.example/'), 302, 'http://a.example/')).toThrow('from https to http');
    expect(redirectedHop(hop('http://a.example/'), 302, 'https://a.example/')).toMatchObject({ method: 'GET' });
  });

  test('to something that is no URL are errors', () => {
    expect(() => redirectedHop(hop('http://a.example/'), 302, 'http://[')).toThrow('not valid');
  });
});

describe('a call that is no longer wanted', () => {
  const reason = new Error('cancelled');

  test('B44: is torn down while it waits for the answer', async () => {
    const controller = new AbortController();
    await using server = await serve(() => controller.abort(reason));
    await expect(run({ url: server.url }, publicTool, controller.signal)).rejects.toBe(reason);
    await expect.poll(() => server.sockets.size).toBe(0);
  });

  test('B44: is torn down in the middle of the body', async () => {
    const controller = new AbortController();
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('beginning', () => setImmediate(() => controller.abort(reason)));
    });
    await expect(run({ url: server.url }, publicTool, controller.signal)).rejects.toBe(reason);
    await expect.poll(() => server.sockets.size).toBe(0);
  });

  test('B44: opens no connection when its name is answered afterwards', async () => {
    const controller = new AbortController();
    await using server = await serve(answer(200, {}));
    let resolve = (_: string[]) => {};
    const found = new Promise<string[]>((settle) => {
      resolve = settle;
    });
    const lookup = () => {
      queueMicrotask(() => controller.abort(reason));
      return found;
    };
    const tool = createHttpFetch({ isAllowed, lookup });
    await expect(run({ url: `http://name.example:${server.port}/` }, tool, controller.signal)).rejects.toBe(reason);
    resolve(['127.0.0.1']);
    await new Promise((settle) => setImmediate(settle));
    expect(server.sockets.size).toBe(0);
    expect(server.requests).toHaveLength(0);
  });

  test('B44: is torn down while TLS is being agreed on', async () => {
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

  test('a server that hangs up is an error', async () => {
    await using server = await serve((request) => request.socket.destroy());
    await expect(run({ url: server.url })).rejects.toThrow();
  });
});
