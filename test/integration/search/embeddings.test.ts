import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { MemoriesDocument, RememberDocument } from '../../generated/graphql.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { facts } from './facts.ts';
import { type FakeEmbeddings, startFakeEmbeddings } from './fake-embeddings.ts';

const configured = ({ baseURL }: FakeEmbeddings, model = 'letters') => ({
  file: { embeddings: { provider: 'openai-compatible', baseURL, model } },
});

/** Waits until every memory has a vector of the model. */
const placed = ({ gateway }: TestGateway, model: string, count: number) =>
  until(async () => (await gateway.parts.database.reader.embedding.count({ where: { model } })) === count);

async function remember(client: TestClient, text: string): Promise<void> {
  const { remember: outcome } = await client.send(RememberDocument, { input: { text } });
  expect(outcome.__typename).toBe('RememberSuccess');
}

async function found(client: TestClient, query: string): Promise<string[]> {
  const { memories } = await client.send(MemoriesDocument, { query, first: 5 });
  return memories.edges.map(({ node }) => node.text);
}

describe('an embedding model', () => {
  test('B53: finds what no word of the question is in, for its owner alone', async () => {
    const fake = await startFakeEmbeddings();
    const started = await startTestGateway(configured(fake));
    await remember(started.client, 'Strawberries are in the refrigerator.');
    await remember(started.client, 'The moon is far.');
    await placed(started, 'letters', 2);
    expect(await found(started.client, 'strawberry refrigeration')).toEqual(['Strawberries are in the refrigerator.']);
    expect(await found(started.clientOf('bob'), 'strawberry refrigeration')).toEqual([]);
    expect(await found(started.client, '!?')).toEqual([]);
  });

  test('that fails never fails a save or a search, and catches up when it is back', async () => {
    const fake = await startFakeEmbeddings();
    fake.failure = { status: 500, body: 'broken' };
    const started = await startTestGateway(configured(fake));
    await remember(started.client, 'Strawberries are in the refrigerator.');
    expect(await found(started.client, 'refrigerator')).toHaveLength(1);
    fake.failure = null;
    await placed(started, 'letters', 1);
    // Questions are put again only after a pause; by words it is found all the while.
    expect(await found(started.client, 'refrigerator')).toHaveLength(1);
  });

  test('that is replaced by another leads to new vectors of all memories', async () => {
    const fake = await startFakeEmbeddings();
    const before = await startTestGateway(configured(fake));
    for (let index = 0; index < 40; index += 1) await remember(before.client, `Fact ${index} of the old days`);
    await placed(before, 'letters', 40);
    const after = await before.restart(configured(fake, 'other letters'));
    await placed(after, 'other letters', 40);
    expect(await after.gateway.parts.database.reader.embedding.count()).toBe(40);
    expect(fake.calls.some(({ model, input }) => model === 'other letters' && input.length === 32)).toBe(true);
  });

  test('that does not take a text is asked for the others', async () => {
    const fake = await startFakeEmbeddings();
    fake.failure = { status: 400, body: '{"error":{"message":"input is too long for the context length"}}' };
    const started = await startTestGateway(configured(fake));
    await remember(started.client, 'Too long for it.');
    await placed(started, 'letters', 1);
    fake.failure = null;
    await remember(started.client, 'Just right.');
    await placed(started, 'letters', 2);
    expect(await found(started.client, 'too long')).toHaveLength(1);
  });

  test('gives a memory that is said anew its new place', async () => {
    const fake = await startFakeEmbeddings();
    const started = await startTestGateway(configured(fake));
    await remember(started.client, 'ada likes tea');
    await placed(started, 'letters', 1);
    await remember(started.client, 'Ada likes tea!');
    await until(async () => fake.calls.some(({ input }) => input.includes('Ada likes tea!')));
    await placed(started, 'letters', 1);
  });
});

/** Share of the questions whose fact is among the first five. */
async function recallAtFive(client: TestClient): Promise<number> {
  let hits = 0;
  for (const [fact, question] of facts) if ((await found(client, question)).includes(fact)) hits += 1;
  return hits / facts.length;
}

test('B53: of forty questions in other words, most find their fact, and more with vectors', async () => {
  const fake = await startFakeEmbeddings();
  const alone = await startTestGateway();
  for (const [fact] of facts) await remember(alone.client, fact);
  const words = await recallAtFive(alone.client);
  const fused = await alone.restart(configured(fake));
  await placed(fused, 'letters', facts.length);
  const both = await recallAtFive(fused.client);
  process.stdout.write(`recall@5 over ${facts.length} facts: words ${words.toFixed(3)}, fused ${both.toFixed(3)}\n`);
  expect(words).toBeGreaterThanOrEqual(0.8);
  expect(both).toBeGreaterThanOrEqual(0.9);
});
