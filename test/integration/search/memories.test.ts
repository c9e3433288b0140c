import { describe, expect, test } from 'vitest';
import { recallMemories } from '../../../src/context/memory/recall.ts';
import type { TestClient } from '../../client.ts';
import { ForgetDocument, MemoriesDocument, RememberDocument, type RememberInput } from '../../generated/graphql.ts';
import { converse, follow, send } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';

async function remember(client: TestClient, input: RememberInput) {
  const { remember: outcome } = await client.send(RememberDocument, { input });
  if (outcome.__typename !== 'RememberSuccess') throw new Error(outcome.__typename);
  return outcome.memory;
}

async function findTexts(client: TestClient, query: string, sessionId: string | null = null): Promise<string[]> {
  const { memories } = await client.send(MemoriesDocument, { query, sessionId });
  return memories.edges.map(({ node }) => node.text);
}

describe('B53: memories', () => {
  test('are found by their words and tags, the best match first, with a score', async () => {
    const { client } = await startTestGateway();
    await remember(client, { text: 'The office closes at six.' });
    await remember(client, { text: 'The office in Lisbon closes at eight.' });
    await remember(client, { text: 'Cats sleep at noon.', tags: ['animals'] });
    expect((await findTexts(client, 'When does the Lisbon office close?'))[0]).toBe(
      'The office in Lisbon closes at eight.',
    );
    expect(await findTexts(client, 'animals')).toEqual(['Cats sleep at noon.']);
    const { memories } = await client.send(MemoriesDocument, { query: 'office in Lisbon' });
    const scores = memories.edges.map(({ score }) => score ?? 0);
    expect(scores[0]).toBe(1);
    expect(scores.every((score, index) => score > 0 && score <= (scores[index - 1] ?? 1))).toBe(true);
  });

  test('with several passages count as much as their best passage', async () => {
    const { client } = await startTestGateway();
    // A passage has up to 4000 characters, so the end of this memory is a passage of its own.
    const filler = 'Nothing of interest was seen at the lake on this day. '.repeat(74);
    const long = await remember(client, { text: `A heron. ${filler}Heron, heron, heron, heron.` });
    const short = await remember(client, { text: 'On the way home we saw one heron standing quietly in the reeds.' });
    const weak = await remember(client, { text: `Heron. ${'The weather was as it always is in autumn. '.repeat(60)}` });
    const { memories } = await client.send(MemoriesDocument, { query: 'heron' });
    expect(memories.edges.map(({ node }) => node.id)).toEqual([long.id, short.id, weak.id]);
  });

  test('that have expired are not found, and do not expire if they are saved again', async () => {
    const { client, gateway } = await startTestGateway();
    const memory = await remember(client, { text: 'The guest is in room nine.', expiresInSeconds: 60 });
    expect(await findTexts(client, 'guest room')).toHaveLength(1);
    const { database, commands } = gateway.parts;
    const later = { ...commands, now: () => Date.now() + 61_000 };
    const request = { owner: 'ada', sessionId: null, text: 'guest room', limit: 5 };
    expect(await recallMemories(later, request)).toEqual([]);
    expect(await recallMemories(commands, request)).toHaveLength(1);
    const again = await remember(client, { text: 'The guest is in room nine.' });
    expect(again.id).toBe(memory.id);
    expect(await recallMemories(later, request)).toHaveLength(1);
    expect(await database.reader.memory.count()).toBe(1);
  });

  test('B3: of other owners and other sessions are never found', async () => {
    const { client, clientOf } = await startTestGateway();
    const { session } = await begin(client, 'here');
    const other = await begin(client, 'there');
    await remember(client, { text: 'The code word is swordfish.', sessionId: session.id });
    await remember(client, { text: 'Everywhere the code is read.' });
    expect(await findTexts(client, 'code', session.id)).toHaveLength(2);
    expect(await findTexts(client, 'code', other.session.id)).toEqual(['Everywhere the code is read.']);
    expect(await findTexts(clientOf('bob'), 'code')).toEqual([]);
    expect(await findTexts(clientOf('bob'), 'swordfish', session.id)).toEqual([]);
    const mine = await remember(clientOf('bob'), { text: 'The code word is swordfish.' });
    expect(await findTexts(clientOf('bob'), 'swordfish')).toEqual([mine.text]);
  });

  test('that say the same update the existing memory', async () => {
    const { client, gateway } = await startTestGateway();
    const first = await remember(client, { text: 'Ada likes green tea.', tags: ['drinks'] });
    const saves = Array.from({ length: 10 }, () => remember(client, { text: 'ada likes GREEN tea!', tags: ['tea'] }));
    for (const memory of await Promise.all(saves)) expect(memory.id).toBe(first.id);
    expect((await remember(client, { text: 'Ada likes black tea.' })).id).not.toBe(first.id);
    expect(await gateway.parts.database.reader.memory.count()).toBe(2);
    const { memories } = await client.send(MemoriesDocument, { query: 'green' });
    expect(memories.edges[0]?.node).toMatchObject({ text: 'ada likes GREEN tea!', tags: ['tea', 'drinks'] });
    expect(await gateway.parts.database.reader.passage.count({ where: { sourceId: first.id } })).toBe(1);
  });

  test('that differ in a filler or a plural update the existing memory; another fact does not', async () => {
    const { client, gateway } = await startTestGateway();
    const first = await remember(client, { text: 'The user owns two dogs and likes tea.' });
    // Others that share its words, and some of them more often.
    for (const pet of ['cats', 'birds', 'dogs in a house with dogs', 'goldfish', 'no dogs']) {
      expect((await remember(client, { text: `The user owns two ${pet}.` })).id).not.toBe(first.id);
    }
    for (const text of [
      'The user really owns two dogs and likes tea!',
      'User owns two dog and like teas',
      'Likes tea and the user owns two dogs',
    ]) {
      const same = text.startsWith('Likes') ? expect.not.stringMatching(first.id) : first.id;
      expect((await remember(client, { text })).id).toEqual(same);
    }
    expect(await gateway.parts.database.reader.memory.count()).toBe(7);
  });

  test('accept any characters, and are removed from the index when they are forgotten', async () => {
    const { client, gateway } = await startTestGateway();
    for (const text of ['!!!', '"a" OR *', 'tab\tand\0nul', '👩‍👩‍👧', "it's"]) await remember(client, { text });
    for (const query of ['', '!!!', '"a', '*', '\0', 'OR', "'", '\uD800', 'nul '.repeat(3000)])
      await findTexts(client, query);
    const [nul] = (await client.send(MemoriesDocument, { query: 'tab nul' })).memories.edges;
    await client.send(ForgetDocument, { input: { memoryId: nul?.node.id ?? '' } });
    expect(await findTexts(client, 'tab nul')).toEqual([]);
    expect(await gateway.parts.database.reader.passage.count({ where: { sourceId: nul?.node.id } })).toBe(0);
  });
});

describe('the tools', () => {
  test('B34: history_search finds earlier messages of its owner only', async () => {
    const { client, clientOf } = await startTestGateway();
    await converse(client, { sessionKey: 'earlier', text: 'The key lies under the third flowerpot.' });
    const { run } = await converse(client, {
      sessionKey: 'now',
      text: calling(['history_search', { query: 'flowerpot' }]),
    });
    expect(run.output).toContain('under the third «flowerpot».');
    const other = await converse(clientOf('bob'), {
      sessionKey: 'x',
      text: calling(['history_search', { query: 'third' }]),
    });
    expect(other.run.output).not.toContain('flowerpot');
  });
});

async function begin(client: TestClient, sessionKey: string) {
  const sent = await send(client, { sessionKey, text: '/say yes' });
  await follow(client, sent.run.id);
  return sent;
}
