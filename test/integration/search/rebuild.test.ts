import { expect, test } from 'vitest';
import { rebuildProjections } from '../../../src/run-store/rebuild.ts';
import { MemoriesDocument, RememberDocument, SessionsDocument } from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

test('B30: a rebuild repairs a damaged search index', async () => {
  const { client, gateway } = await startTestGateway();
  const { database, journal } = gateway.parts;
  await converse(client, { sessionKey: 'message', text: '/say The otter swims.' });
  await client.send(RememberDocument, { input: { text: 'Otters are fed at four.', tags: ['zoo'] } });
  const found = async () => {
    const { sessions } = await client.send(SessionsDocument, { filter: { search: 'otter' } });
    const { memories } = await client.send(MemoriesDocument, { query: 'zoo' });
    return [sessions.edges.length, memories.edges.length];
  };
  expect(await found()).toEqual([1, 1]);
  await database.write((writer) =>
    writer.$executeRawUnsafe(
      database.provider === 'sqlite'
        ? `INSERT INTO "Passage_words" ("Passage_words") VALUES ('delete-all')`
        : 'DELETE FROM "Passage_words"',
    ),
  );
  expect(await found()).toEqual([0, 0]);
  await rebuildProjections(database, journal);
  expect(await found()).toEqual([1, 1]);
});
