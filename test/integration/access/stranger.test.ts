import { expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';
import { createTestClient } from '../../client.ts';
import { send } from '../conversation.ts';
import { ask, bearing, codeOf, startGuarded, tokens } from './accounts.ts';
import { createObjectsOfAda, marker, receiveUntil, rowsOf } from './fixtures.ts';
import { attemptsWith } from './stranger-documents.ts';

test('B3, B75: no root field shows or changes objects of another principal', async () => {
  const { url, gateway } = await startGuarded();
  const values = await createObjectsOfAda(url);
  const before = await rowsOf(gateway, 'ada', values);
  const attempted = new Set<string>();
  const shownToOwner = new Set<string>();
  const streams: Promise<string>[] = [];
  for (const { operation, field, text } of attemptsWith(values)) {
    attempted.add(field);
    if (operation === 'subscription') {
      // The first event or comment shows that the stream is open; events that exist already would come with it.
      streams.push(receiveUntil(url, text, tokens.bob, (stream) => /event:|:\n\n/.test(stream)));
      continue;
    }
    const result = await ask(url, text, bearing(tokens.bob));
    expect([text, result.status]).toEqual([text, 200]);
    expect(String(codeOf(result))).not.toMatch(/LIMIT|INTERNAL|VALIDATION|PARSE/);
    expect(result.text).not.toContain(marker);
    if (operation === 'query' && (await ask(url, text, bearing(tokens.ada))).text.includes(marker)) {
      shownToOwner.add(field);
    }
  }
  for (const received of await Promise.all(streams)) expect(received).not.toContain(marker);
  expect(await rowsOf(gateway, 'ada', values)).toBe(before);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  // A query and a subscription may have the same name.
  const all = new Set(roots.flatMap((type) => Object.keys(type?.getFields() ?? {})));
  expect([...attempted].sort()).toEqual([...all].sort());
  // The attempts are not vacuous: the same operations show Ada her own objects.
  const expected = [
    'activity',
    'agents',
    'approval',
    'approvals',
    'memories',
    'node',
    'nodes',
    'run',
    'runs',
    'session',
    'sessions',
    'usageReport',
    'wait',
    'waits',
  ];
  expect([...shownToOwner]).toEqual(expect.arrayContaining(expected));
});

test('B3: a subscription does not deliver approvals of another principal', async () => {
  const { url } = await startGuarded();
  const query = 'subscription { approvalEvents { approval { input } } }';
  let hasOwnerReceived = false;
  const byStranger = receiveUntil(url, query, tokens.bob, () => hasOwnerReceived);
  const byOwner = receiveUntil(url, query, tokens.ada, (text) => text.includes(marker));
  await createObjectsOfAda(url);
  expect(await byOwner).toContain(marker);
  hasOwnerReceived = true;
  // Bob's own approval ends his subscription, after everything that he might have received before.
  await using client = createTestClient(url, bearing(tokens.bob));
  await send(client, { sessionKey: 'own', text: '/call http_fetch {"url": "https://example.com/"}' });
  const received = await byStranger;
  expect(received).toContain('example.com/');
  expect(received).not.toContain(marker);
});
