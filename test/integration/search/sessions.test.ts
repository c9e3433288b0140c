import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  ArchiveSessionDocument,
  ResolveSessionDocument,
  SessionsDocument,
  type SessionsQueryVariables,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

async function search(client: TestClient, text: string, more: Partial<SessionsQueryVariables> = {}) {
  const { sessions } = await client.send(SessionsDocument, { ...more, filter: { ...more.filter, search: text } });
  return sessions;
}

const keysOf = ({ edges }: Awaited<ReturnType<typeof search>>) => edges.map(({ node }) => node.key);

describe('B10: a search for sessions', () => {
  test('finds messages, responses and titles by word, the best match first, with a snippet', async () => {
    const { client } = await startTestGateway();
    await converse(client, { sessionKey: 'message', text: 'Where do the red pandas of the zoo sleep?' });
    await converse(client, { sessionKey: 'answer', text: '/say Pandas eat bamboo. Pandas, all pandas, like it.' });
    await converse(client, { sessionKey: 'other', text: '/say The weather is fine.' });
    await client.send(ResolveSessionDocument, { input: { key: 'titled', title: 'Notes on lemurs' } });
    const found = await search(client, 'pandas');
    expect(keysOf(found).sort()).toEqual(['answer', 'message']);
    expect(keysOf(found)[0]).toBe('answer');
    expect(found.edges[1]?.snippet).toBe('Where do the red «pandas» of the zoo sleep?');
    expect(keysOf(await search(client, 'LEMURS'))).toEqual(['titled']);
    expect((await search(client, 'lemurs')).edges[0]?.snippet).toBe('Notes on «lemurs»');
    expect(keysOf(await search(client, 'red pan'))).toEqual(['message']);
    expect(keysOf(await search(client, 'panda'))).toHaveLength(2);
    expect(keysOf(await search(client, 'giraffe'))).toEqual([]);
  });

  test('finds every word of a long message, in any script and without accents', async () => {
    const { client } = await startTestGateway();
    const long = `${'Nothing to see here. '.repeat(2000)} The needle is a hedgehog.`;
    await converse(client, { sessionKey: 'long', text: long });
    await converse(client, { sessionKey: 'german', text: 'Die größte Brücke über die Straße' });
    await converse(client, { sessionKey: 'japanese', text: '私は東京都に住んでいます' });
    await converse(client, { sessionKey: 'hindi', text: 'नमस्ते दुनिया' });
    const found = await search(client, 'hedgehog needle');
    expect(keysOf(found)).toEqual(['long']);
    expect(found.edges[0]?.snippet).toContain('The «needle» is a «hedgehog».');
    expect(keysOf(await search(client, 'grosste brucke'))).toEqual(['german']);
    expect(keysOf(await search(client, 'STRASSE'))).toEqual(['german']);
    expect(keysOf(await search(client, '東京'))).toEqual(['japanese']);
    expect(keysOf(await search(client, 'दुनिया'))).toEqual(['hindi']);
  });

  test('accepts any characters', async () => {
    const { client } = await startTestGateway();
    await converse(client, { sessionKey: 'one', text: 'A word "in quotes" - and-or NOT near(this, that) OR *' });
    const odd = ['', ' ', '"', "'", '*', '(', ')', '"unclosed', 'AND', 'OR OR', 'NOT', 'NEAR(', '- -', '^a', 'words:x'];
    const more = [
      '\0',
      'a\0b',
      '\uD800',
      '%_\\',
      "'; DROP TABLE x",
      ':*',
      '!',
      '&|',
      '<->',
      '{a b}',
      '👩‍👩‍👧',
      '?',
      '$1',
    ];
    for (const text of [...odd, ...more, 'word '.repeat(5000), 'x'.repeat(100_000)]) {
      expect(Array.isArray((await search(client, text)).edges), text.slice(0, 20)).toBe(true);
    }
    expect(keysOf(await search(client, '"in quotes" NEAR(this)'))).toEqual(['one']);
  });

  test('B3: never finds sessions of another owner', async () => {
    const { client, clientOf } = await startTestGateway();
    await converse(client, { sessionKey: 'mine', text: 'The secret of the abbey' });
    expect(keysOf(await search(clientOf('bob'), 'secret abbey'))).toEqual([]);
    // Nor of an owner whose name contains the other name.
    expect(keysOf(await search(clientOf('adam'), 'secret abbey'))).toEqual([]);
    expect(keysOf(await search(client, 'secret abbey'))).toEqual(['mine']);
  });

  test('finds archived sessions only on request', async () => {
    const { client } = await startTestGateway();
    await converse(client, { sessionKey: 'old', text: 'About marmots' });
    const [edge] = (await search(client, 'marmots')).edges;
    await client.send(ArchiveSessionDocument, { input: { sessionId: edge?.node.id ?? '' } });
    expect(keysOf(await search(client, 'marmots'))).toEqual([]);
    expect(keysOf(await search(client, 'marmots', { filter: { includeArchived: true } }))).toEqual(['old']);
  });

  test('B9: finds a session by its current title, not by a former one', async () => {
    const { client } = await startTestGateway();
    await client.send(ResolveSessionDocument, { input: { key: 'titled', title: 'Wombats' } });
    const [edge] = (await search(client, 'wombats')).edges;
    await client.send(UpdateSessionDocument, { input: { sessionId: edge?.node.id ?? '', title: 'Quokkas' } });
    await converse(client, { sessionKey: 'titled', text: '/say yes' });
    expect(keysOf(await search(client, 'wombats'))).toEqual([]);
    const found = await search(client, 'quokkas');
    expect(found.edges.map(({ snippet, node }) => [snippet, node.title])).toEqual([['«Quokkas»', 'Quokkas']]);
  });

  test('B5: pages through ranked results in both directions, each session once', async () => {
    const { client } = await startTestGateway();
    for (let index = 0; index < 7; index += 1) {
      await converse(client, { sessionKey: `k${index}`, text: `badger ${'badger '.repeat(index)}` });
    }
    const all = keysOf(await search(client, 'badger'));
    expect(new Set(all).size).toBe(7);
    const paged: string[] = [];
    let page = await search(client, 'badger', { first: 3 });
    for (;;) {
      expect(page.pageInfo.hasPreviousPage).toBe(paged.length > 0);
      paged.push(...keysOf(page));
      if (!page.pageInfo.hasNextPage) break;
      page = await search(client, 'badger', { first: 3, after: page.pageInfo.endCursor });
    }
    expect(paged).toEqual(all);
    const back = await search(client, 'badger', { last: 3, before: page.pageInfo.startCursor });
    expect(keysOf(back)).toEqual(all.slice(3, 6));
    expect(back.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    // A cursor stays valid when its session is no longer among the results.
    await client.send(ArchiveSessionDocument, { input: { sessionId: back.edges[0]?.node.id ?? '' } });
    const on = await search(client, 'badger', { first: 2, after: back.edges[0]?.cursor });
    expect(keysOf(on)).toEqual(all.slice(4, 6));
  });
});
