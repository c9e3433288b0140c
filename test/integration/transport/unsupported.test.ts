import { createServer } from 'node:http';
import { createClient } from 'graphql-sse';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startTestGateway } from '../gateway.ts';

const subscription = JSON.stringify({ query: 'subscription { approvalEvents { approval { id } } }' });
const json = { 'content-type': 'application/json' };

async function errorOf(response: Response) {
  const { errors } = (await response.json()) as { errors: { message: string; extensions: object }[] };
  return { status: response.status, message: errors[0]?.message, extensions: errors[0]?.extensions };
}

describe.each([true, false])(
  'what is not supported is answered with what is (httpAccelerator: %s)',
  (httpAccelerator) => {
    test('B59: a subscription without `accept: text/event-stream`', async () => {
      const { url } = await startTestGateway({ httpAccelerator });
      for (const accept of ['application/json', 'application/graphql-response+json']) {
        const headers = { ...json, accept };
        const answers = [
          await fetch(url, { method: 'POST', headers, body: subscription }),
          await fetch(`${url}?${new URLSearchParams(JSON.parse(subscription))}`, { headers }),
        ];
        for (const response of answers) {
          const expected = { status: 406, message: expect.stringContaining('`accept: text/event-stream`') };
          expect(await errorOf(response)).toMatchObject(expected);
        }
      }
    });

    test('B59: a media type that no answer has', async () => {
      const { url } = await startTestGateway({ httpAccelerator });
      const headers = { ...json, accept: 'text/plain' };
      const response = await fetch(url, { method: 'POST', headers, body: '{"query":"{ viewer { principal } }"}' });
      const message = expect.stringContaining('application/graphql-response+json');
      expect(await errorOf(response)).toMatchObject({ status: 406, message });
    });

    test('B59: the single connection mode of graphql-sse', async () => {
      const { url } = await startTestGateway({ httpAccelerator });
      const response = await fetch(url, { method: 'PUT' });
      expect(response.headers.get('allow')).toBe('GET, POST');
      const message = expect.stringContaining('distinct connections mode');
      expect(await errorOf(response)).toMatchObject({ status: 405, message });
      const client = createClient({ url, singleConnection: true, retryAttempts: 0 });
      const failure = await client
        .iterate({ query: '{ viewer { principal } }' })
        .next()
        .catch((error: unknown) => error);
      expect(String(failure)).toContain('405');
      client.dispose();
    });

    test('invalid JSON, in a body or an address, without the details of the parser', async () => {
      const { url } = await startTestGateway({ httpAccelerator });
      const answers = [
        await fetch(url, { method: 'POST', headers: json, body: '{"query":' }),
        await fetch(`${url}?query=%7Bviewer%7Bprincipal%7D%7D&variables=x`),
      ];
      for (const response of answers) {
        const { status, message, extensions } = await errorOf(response);
        expect([status, extensions]).toEqual([400, { code: 'BAD_USER_INPUT' }]);
        expect(message).toContain('is not valid JSON');
      }
    });
  },
);

test('B54: a port in use is one start error', async () => {
  const blocker = createServer();
  const port = await new Promise<number>((resolve) => {
    blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port));
  });
  onTestFinished(() => void blocker.close());
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  onTestFinished(() => printed.mockRestore());
  const start = startTestGateway({ environment: { PORT: String(port) } });
  await expect(start).rejects.toThrow(`Port ${port} of 127.0.0.1 is in use.`);
  expect(printed).not.toHaveBeenCalled();
});
