import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  MemoriesDocument,
  RememberDocument,
  type RememberInput,
  ResolveSessionDocument,
  UpdateMemoryDocument,
  type UpdateMemoryInput,
} from '../../generated/graphql.ts';
import { startTestGateway, until } from '../gateway.ts';
import { startFakeEmbeddings } from './fake-embeddings.ts';

async function remember(client: TestClient, input: RememberInput) {
  const { remember: outcome } = await client.send(RememberDocument, { input });
  if (outcome.__typename !== 'RememberSuccess') throw new Error(outcome.__typename);
  return outcome.memory;
}

const update = async (client: TestClient, input: UpdateMemoryInput) =>
  (await client.send(UpdateMemoryDocument, { input })).updateMemory;

async function find(client: TestClient, query: string): Promise<string[]> {
  return (await client.send(MemoriesDocument, { query })).memories.edges.map(({ node }) => node.text);
}

test('text and tags of a memory are replaced, and searches find it by its new words only', async () => {
  const { client } = await startTestGateway();
  const { id: memoryId } = await remember(client, { text: 'The bus leaves at nine.', tags: ['travel', 'bus'] });
  expect(await update(client, { memoryId, text: 'A ferry departs hourly.' })).toMatchObject({
    memory: { id: memoryId, text: 'A ferry departs hourly.', tags: ['travel', 'bus'] },
  });
  expect(await find(client, 'nine')).toEqual([]);
  expect(await find(client, 'ferry')).toEqual(['A ferry departs hourly.']);
  expect(await update(client, { memoryId, tags: ['ship', 'ship'] })).toMatchObject({
    memory: { text: 'A ferry departs hourly.', tags: ['ship'] },
  });
  expect(await find(client, 'travel')).toEqual([]);
  expect(await find(client, 'ship')).toEqual(['A ferry departs hourly.']);
  expect(await update(client, { memoryId, tags: [] })).toMatchObject({ memory: { tags: [] } });
  expect(await find(client, 'ship')).toEqual([]);
});

test('a change is refused if another memory of the same scope states the fact; its own old text does not count', async () => {
  const { client } = await startTestGateway();
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'a' } });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.message);
  const sessionId = resolveSession.session.id;
  const red = await remember(client, { text: 'The door of the house is red.' });
  const blue = await remember(client, { text: 'Dogs like to run in the park.' });
  const ofSession = await remember(client, { text: 'Cats sleep on the roof.', sessionId });
  expect(await update(client, { memoryId: blue.id, text: 'The door of the house is red!' })).toMatchObject({
    __typename: 'InvalidInputError',
    issues: [{ path: ['text'], message: expect.stringContaining(red.id) }],
  });
  expect(await find(client, 'dogs')).toEqual(['Dogs like to run in the park.']);
  expect(await update(client, { memoryId: red.id, text: 'The door of the house is red!' })).toMatchObject({
    memory: { text: 'The door of the house is red!' },
  });
  expect(await update(client, { memoryId: ofSession.id, text: 'The door of the house is red!' })).toMatchObject({
    __typename: 'UpdateMemorySuccess',
  });
});

test('a memory that is unknown, of somebody else or expired is not found, and an empty change is refused', async () => {
  const { client, clientOf, gateway } = await startTestGateway();
  const { id: memoryId } = await remember(client, { text: 'The key is under the mat.', expiresInSeconds: 3600 });
  const absent = { __typename: 'NotFoundError', id: memoryId };
  expect(await update(clientOf('bob'), { memoryId, text: 'x' })).toMatchObject(absent);
  expect(await update(client, { memoryId: 'mem_x\0', text: 'x' })).toMatchObject({ __typename: 'NotFoundError' });
  const empty = [{ memoryId }, { memoryId, text: null, tags: null }, { memoryId, text: '   ' }];
  for (const input of empty) {
    expect(await update(client, input)).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['text'] }],
    });
  }
  expect(await update(client, { memoryId, tags: Array(17).fill('t') })).toMatchObject({ issues: [{ path: ['tags'] }] });
  await gateway.parts.database.write((writer) =>
    writer.memory.updateMany({ where: { id: memoryId }, data: { expiresAt: new Date(0) } }),
  );
  expect(await update(client, { memoryId, text: 'x' })).toMatchObject(absent);
});

test('a changed memory gets a new vector', async () => {
  const { baseURL } = await startFakeEmbeddings();
  const embeddings = { provider: 'openai-compatible', baseURL, model: 'letters' };
  const { client, gateway } = await startTestGateway({ file: { embeddings } });
  const { reader } = gateway.parts.database;
  const vectorOf = () => reader.embedding.findMany({ where: { model: 'letters' } });
  const { id: memoryId } = await remember(client, { text: 'The moon is far.' });
  const [before] = await until(async () => (await vectorOf()).length === 1 && vectorOf());
  await update(client, { memoryId, text: 'Strawberries are in the refrigerator.' });
  await until(async () => {
    const [after] = await vectorOf();
    return after !== undefined && !Buffer.from(after.vector).equals(Buffer.from(before?.vector ?? []));
  });
  expect(await find(client, 'strawberry refrigeration')).toEqual(['Strawberries are in the refrigerator.']);
});
