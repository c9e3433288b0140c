import { expect, test } from 'vitest';
import { converse } from '../../conversation.ts';
import { startTestGateway } from '../../gateway.ts';
import { iterate, openSocket } from '../../transport/socket.ts';
import { collect } from '../../transport/sse.ts';

const tooLong = { code: 'LIMIT_EXCEEDED', limit: 'resultBytes' };

test('B60: a long result is the same over all transports, and has a limit', async () => {
  const { url, client } = await startTestGateway();
  const { runId, run } = await converse(client, { sessionKey: 'a', text: '/words 60000' });
  const query = `{ run(id: "${runId}") { output } missing: sessions(first: 101) { nodes { id } } }`;
  const posted = await client.post({ query });
  expect(posted.body).toMatchObject({ data: null, errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  const whole = `{ run(id: "${runId}") { output } agent(id: "a", name: "b") { id } }`;
  const answer = (await client.post({ query: whole })).body;
  expect(answer).toMatchObject({ data: { run: { output: run.output } }, errors: [{ path: ['agent'] }] });
  const [overSocket] = await collect(iterate(openSocket(url), whole));
  expect(overSocket).toEqual(answer);
  const got = await fetch(`${url}?${new URLSearchParams({ query: whole })}`);
  expect([got.status, await got.json()]).toEqual([200, answer]);

  const copies = `{ run(id: "${runId}") { ${Array.from({ length: 49 }, (_, index) => `a${index}: output`).join(' ')} } }`;
  const refused = (await client.post({ query: copies })).body;
  expect([refused.data, refused.errors?.[0]?.extensions]).toEqual([undefined, tooLong]);
  expect(await collect(iterate(openSocket(url), copies)).catch((errors: unknown) => errors)).toMatchObject([
    { errors: [{ extensions: tooLong }] },
  ]);
});

test('B60: a page does not read more stored texts than a result may have', async () => {
  const { client, gateway } = await startTestGateway();
  for (const sessionKey of ['a', 'b']) await converse(client, { sessionKey, text: '/words 30000' });
  // Two of these texts are longer than a result may be, and one is not. A model would take long to write them.
  const content = 'word '.repeat(3_000_000);
  const texts = await gateway.parts.database.write(({ storedText }) => storedText.updateMany({ data: { content } }));
  expect(texts.count).toBe(2);
  const { body } = await client.post({ query: '{ runs(first: 2) { nodes { output } } }' });
  expect(body.errors?.[0]?.extensions).toEqual(tooLong);
  const page = await client.post({ query: '{ runs(first: 1) { nodes { output } } }' });
  expect(page.body).toEqual({ data: { runs: { nodes: [{ output: content }] } } });
  // The search does not know these texts, so that the check of all rows would fail.
  await gateway.close(0);
});
