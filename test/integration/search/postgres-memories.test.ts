import { expect, test } from 'vitest';
import { MemoriesDocument, RememberDocument } from '../../generated/graphql.ts';
import { startTestGateway } from '../gateway.ts';

test('B53: a fact that is saved fifty times at once through two servers is one memory', async () => {
  const one = await startTestGateway();
  const two = await one.startSecondServer();
  const save = async (index: number) => {
    const { client } = [one, two][index % 2] ?? one;
    const input = { text: 'The office in Lisbon closes at eight.', tags: [`author ${index % 10}`] };
    const { remember } = await client.send(RememberDocument, { input });
    if (remember.__typename !== 'RememberSuccess') throw new Error(remember.__typename);
    return remember.memory.id;
  };
  const ids = await Promise.all(Array.from({ length: 50 }, (_, index) => save(index)));
  expect(new Set(ids).size).toBe(1);
  const { memories } = await two.client.send(MemoriesDocument, {});
  expect(memories.edges.map(({ node }) => [node.id, node.tags.length])).toEqual([[ids[0], 10]]);
});
