import { expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';
import { createTestClient } from '../../client.ts';
import { send } from '../conversation.ts';
import { type Answered, ask, bearing, codeOf, startGuarded, tokens } from './accounts.ts';
import { furnish, listen, mark, rowsOf } from './fixtures.ts';
import { attempts } from './stranger-documents.ts';

test('B3: whatever the schema has, a stranger finds nothing of somebody else in it, and changes nothing', async () => {
  const { url, gateway } = await startGuarded();
  const names = await furnish(url);
  const rows = () => rowsOf(gateway, 'ada', names);
  const before = await rows();
  const walked = new Set<string>();
  const shown = new Set<string>();
  for (const { operation, field, text } of attempts(names)) {
    if (operation === 'subscription') {
      // Says once that it is open, and whether anything of Ada came with it.
      const heard = await listen(url, text, tokens.bob, (so) => /event:|:\n\n/.test(so));
      expect(heard).not.toContain(mark);
      walked.add(field);
      continue;
    }
    const foreign: Answered = await ask(url, text, bearing(tokens.bob));
    expect([text, foreign.status]).toEqual([text, 200]);
    expect(String(codeOf(foreign))).not.toMatch(/LIMIT|INTERNAL|VALIDATION|PARSE/);
    expect(foreign.text).not.toContain(mark);
    walked.add(field);
    if (operation === 'query' && (await ask(url, text, bearing(tokens.ada))).text.includes(mark)) shown.add(field);
  }
  expect(await rows()).toBe(before);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  expect([...walked].sort()).toEqual(roots.flatMap((type) => Object.keys(type?.getFields() ?? {})).sort());
  // The walk itself works: the same operations show Ada what is hers.
  const showing = [
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
  ];
  expect([...shown]).toEqual(expect.arrayContaining(showing));
});

test('B3: what happens to somebody is heard by nobody else', async () => {
  const { url } = await startGuarded();
  const query = 'subscription { approvalEvents { approval { input } } }';
  let heardByAda = false;
  const stranger = listen(url, query, tokens.bob, () => heardByAda);
  const owner = listen(url, query, tokens.ada, (text) => text.includes(mark));
  await furnish(url);
  expect(await owner).toContain(mark);
  heardByAda = true;
  // His own question wakes the stranger, behind everything that he might have heard.
  const client = createTestClient(url, bearing(tokens.bob));
  await send(client, { sessionKey: 'own', text: '/call http_fetch {"url": "https://example.com/"}' });
  const heard = await stranger;
  expect(heard).toContain('example.com/');
  expect(heard).not.toContain(mark);
  await client[Symbol.asyncDispose]();
});
