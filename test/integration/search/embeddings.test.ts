import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { MemoriesDocument, RememberDocument } from '../../generated/graphql.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { facts } from './facts.ts';
import { type FakeEmbeddings, startFakeEmbeddings } from './fake-embeddings.ts';

const configurationFor = ({ baseURL }: FakeEmbeddings, model = 'letters') => ({
  file: { embeddings: { provider: 'openai-compatible', baseURL, model } },
});

/** Waits until a number of memories have a vector of the model. */
const embedded = ({ gateway }: TestGateway, model: string, count: number) =>
  until(async () => (await gateway.parts.database.reader.embedding.count({ where: { model } })) === count);

async function remember(client: TestClient, text: string): Promise<void> {
  const { remember: outcome } = await client.send(RememberDocument, { input: { text } });
  expect(outcome.__typename).toBe('RememberSuccess');
}

async function findTexts(client: TestClient, query: string): Promise<string[]> {
  const { memories } = await client.send(MemoriesDocument, { query, first: 5 });
  return memories.edges.map(({ node }) => node.text);
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
    await remember(started.client, 'Ada likes tea!');
    await until(async () => fake.calls.some(({ input }) => input.includes('Ada likes tea!')));
    await embedded(started, 'letters', 1);
  });
});

/** The share of the questions for which the fact is among the first five results. */
async function recallAtFive(client: TestClient): Promise<number> {
  let hits = 0;
  for (const [fact, question] of facts) if ((await findTexts(client, question)).includes(fact)) hits += 1;
  return hits / facts.length;
}

test('B53: most of forty rephrased questions find their fact, and more of them with vectors', async () => {
  const fake = await startFakeEmbeddings();
  const withoutModel = await startTestGateway();
  for (const [fact] of facts) await remember(withoutModel.client, fact);
  const fullText = await recallAtFive(withoutModel.client);
  const withModel = await withoutModel.restart(configurationFor(fake));
  await embedded(withModel, 'letters', facts.length);
  const fused = await recallAtFive(withModel.client);
  process.stdout.write(
    `recall@5 over ${facts.length} facts: full text ${fullText.toFixed(3)}, fused ${fused.toFixed(3)}\n`,
  );
  expect(fullText).toBeGreaterThanOrEqual(0.8);
  expect(fused).toBeGreaterThanOrEqual(0.9);
});
