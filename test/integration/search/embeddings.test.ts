import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  MemoriesDocument,
  RememberDocument,
  type RememberInput,
  ResolveSessionDocument,
} from '../../generated/graphql.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { facts } from './facts.ts';
import { type FakeEmbeddings, startFakeEmbeddings } from './fake-embeddings.ts';

const configurationFor = ({ baseURL }: FakeEmbeddings, model = 'letters') => ({
  file: { embeddings: { provider: 'openai-compatible', baseURL, model } },
});

/** Waits until a number of memories have a vector of the model. */
const embedded = ({ gateway }: TestGateway, model: string, count: number) =>
  until(async () => (await gateway.parts.database.reader.embedding.count({ where: { model } })) === count);

async function remember(client: TestClient, text: string, more: Omit<RememberInput, 'text'> = {}): Promise<void> {
  const { remember: outcome } = await client.send(RememberDocument, { input: { text, ...more } });
  expect(outcome.__typename).toBe('RememberSuccess');
}

async function find(client: TestClient, query: string, sessionId: string | null = null) {
  const { memories } = await client.send(MemoriesDocument, { query, sessionId, first: 5 });
  return memories.edges.map(({ node, score }) => ({ text: node.text, score: score ?? 0 }));
}

async function findTexts(client: TestClient, query: string, sessionId: string | null = null): Promise<string[]> {
  return (await find(client, query, sessionId)).map(({ text }) => text);
}

async function createSession(client: TestClient, key: string): Promise<string> {
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key } });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.message);
  return resolveSession.session.id;
}

describe('an embedding model', () => {
  test('B53: finds a memory that has no word of the query, for its owner only', async () => {
    const fake = await startFakeEmbeddings();
    const started = await startTestGateway(configurationFor(fake));
    await remember(started.client, 'Strawberries are in the refrigerator.');
    await remember(started.client, 'The moon is far.');
    await embedded(started, 'letters', 2);
    expect(await findTexts(started.client, 'strawberry refrigeration')).toEqual([
      'Strawberries are in the refrigerator.',
    ]);
    expect(await findTexts(started.clientOf('bob'), 'strawberry refrigeration')).toEqual([]);
    expect(await findTexts(started.client, '!?')).toEqual([]);
  });

  test('B3: does not find memories of other sessions, and they do not displace those that are found', async () => {
    const fake = await startFakeEmbeddings();
    const started = await startTestGateway(configurationFor(fake));
    const [here, there] = [await createSession(started.client, 'here'), await createSession(started.client, 'there')];
    const own = 'Strawberries are in the refrigerator, and the cream is there too.';
    await remember(started.client, own, { sessionId: here });
    // More of them than a search considers, and each is more similar to the query.
    for (let index = 10; index < 35; index += 1) {
      await remember(started.client, `Strawberries, refrigerator ${index}`, { sessionId: there });
    }
    await embedded(started, 'letters', 26);
    expect(await findTexts(started.client, 'strawberry refrigeration', here)).toEqual([own]);
    const others = await findTexts(started.client, 'strawberry refrigeration', there);
    expect(others).toHaveLength(5);
    expect(others).not.toContain(own);
    expect(
      await findTexts(started.client, 'strawberry refrigeration', await createSession(started.client, 'x')),
    ).toEqual([]);
  });

  test('ranks memories by similarity, and one that also has a word of the query before them', async () => {
    const fake = await startFakeEmbeddings();
    const started = await startTestGateway(configurationFor(fake));
    const word = 'A strawberry is a red fruit, as every farmer of the village says.';
    const near = 'Strawberries, refrigerators.';
    const middle = 'Strawberries are in the refrigerator.';
    const far = 'Strawberries grow in the refrigerated hall of the farm.';
    // Neither their order nor its reverse is the order of similarity.
    for (const text of [middle, near, word, far]) await remember(started.client, text);
    await embedded(started, 'letters', 4);
    const found = await find(started.client, 'strawberry refrigeration');
    expect(found.map(({ text }) => text)).toEqual([word, near, middle, far]);
    const scores = found.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((one, other) => other - one));
    expect(new Set(scores).size).toBe(4);
    expect(scores.every((score) => score > 0 && score <= 1)).toBe(true);
  });

  test('that fails never fails a save or a search, and embeds the memories later', async () => {
    const fake = await startFakeEmbeddings();
    fake.failure = { status: 500, body: 'broken' };
    const started = await startTestGateway(configurationFor(fake));
    await remember(started.client, 'Strawberries are in the refrigerator.');
    expect(await findTexts(started.client, 'refrigerator')).toHaveLength(1);
    fake.failure = null;
    await embedded(started, 'letters', 1);
    // Queries are embedded again only after a pause; until then full text finds the memory.
    expect(await findTexts(started.client, 'refrigerator')).toHaveLength(1);
  });

  test('that replaces another one embeds all memories again', async () => {
    const fake = await startFakeEmbeddings();
    const before = await startTestGateway(configurationFor(fake));
    for (let index = 0; index < 40; index += 1) await remember(before.client, `Fact ${index} of the old days`);
    await embedded(before, 'letters', 40);
    const after = await before.restart(configurationFor(fake, 'other letters'));
    await embedded(after, 'other letters', 40);
    expect(await after.gateway.parts.database.reader.embedding.count()).toBe(40);
    expect(fake.calls.some(({ model, input }) => model === 'other letters' && input.length === 32)).toBe(true);
  });

  test('that refuses a text still embeds the others', async () => {
    const fake = await startFakeEmbeddings();
    fake.failure = { status: 400, body: '{"error":{"message":"input is too long for the context length"}}' };
    const started = await startTestGateway(configurationFor(fake));
    await remember(started.client, 'Too long for it.');
    await embedded(started, 'letters', 1);
    fake.failure = null;
    await remember(started.client, 'Just right.');
    await embedded(started, 'letters', 2);
    expect(await findTexts(started.client, 'too long')).toHaveLength(1);
  });

  test('embeds a memory again when its text changes', async () => {
    const fake = await startFakeEmbeddings();
    const started = await startTestGateway(configurationFor(fake));
    await remember(started.client, 'ada likes tea');
    await embedded(started, 'letters', 1);
    const vectors = () => started.gateway.parts.database.reader.embedding.findMany();
    const before = await vectors();
    expect(await findTexts(started.client, 'beverages')).toEqual([]);
    await remember(started.client, 'Ada likes tea!', { tags: ['beverage'] });
    await embedded(started, 'letters', 1);
    const after = await vectors();
    expect(after.map(({ memoryId }) => memoryId)).toEqual(before.map(({ memoryId }) => memoryId));
    expect(after[0]?.vector).not.toEqual(before[0]?.vector);
    expect(fake.calls.map(({ input }) => input)).toContainEqual(['Ada likes tea!\nbeverage']);
    expect(await findTexts(started.client, 'beverages')).toEqual(['Ada likes tea!']);
  });
});

/**
 * How well the questions find their facts among the first five results: `recall` is the share that is found, `first` the share
 * that is the first result, and `reciprocalRank` the mean of 1 / rank, with 0 for a fact that is not found.
 */
async function measureSearch(client: TestClient) {
  const ranks: number[] = [];
  for (const [fact, question] of facts) ranks.push((await findTexts(client, question)).indexOf(fact) + 1);
  const found = ranks.filter((rank) => rank > 0);
  return {
    recall: found.length / ranks.length,
    first: ranks.filter((rank) => rank === 1).length / ranks.length,
    reciprocalRank: found.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length,
  };
}

test('B53: most of forty rephrased questions find their fact, usually as the first result, and more with vectors', async () => {
  const fake = await startFakeEmbeddings();
  const withoutModel = await startTestGateway();
  for (const [fact] of facts) await remember(withoutModel.client, fact);
  const fullText = await measureSearch(withoutModel.client);
  const withModel = await withoutModel.restart(configurationFor(fake));
  await embedded(withModel, 'letters', facts.length);
  const fused = await measureSearch(withModel.client);
  process.stdout.write(`search over ${facts.length} facts: ${JSON.stringify({ fullText, fused })}\n`);
  expect(fullText.recall).toBeGreaterThanOrEqual(0.8);
  expect(fused.recall).toBeGreaterThanOrEqual(0.9);
  expect(fused.recall).toBeGreaterThan(fullText.recall);
  expect(fullText.first).toBeGreaterThanOrEqual(0.8);
  expect(fused.first).toBeGreaterThanOrEqual(0.9);
  expect(fused.reciprocalRank).toBeGreaterThanOrEqual(0.95);
});
