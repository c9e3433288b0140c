import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { metadataDigests } from '../../../src/domain/metadata.ts';
import { sequence } from '../../contract/appends.ts';
import { PurgeSessionDocument, RememberDocument, UpdateSessionDocument } from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';

/** In its searchable form as well. */
const secret = 'xylophonist';
const metadata = { instrument: secret };
const traces = new RegExp([secret, ...metadataDigests(metadata)].join('|'), 'g');
const paragraph = `${'The harbour was quiet that morning. '.repeat(200)} ${secret} ${'Nobody came. '.repeat(200)}`;

test('B7: after a purge no file of the database holds a text of the session, while the server runs', async () => {
  const { client, gateway } = await startTestGateway({ tools: [countedTool()] });
  const [row] = await gateway.parts.database.reader.$queryRawUnsafe<{ file: string }[]>(
    'SELECT file FROM pragma_database_list',
  );
  const found = async () => {
    const counts: Record<string, number> = {};
    for (const name of ['', '-wal', '-shm', '-lock']) {
      const text = (await readFile(`${row?.file}${name}`)).toString('latin1').toLowerCase();
      counts[name] = text.match(traces)?.length ?? 0;
    }
    return counts;
  };
  const talk = async (sessionKey: string, word: string) => {
    for (const n of sequence(8)) {
      await converse(client, {
        sessionKey,
        text: `/say ${n} ${paragraph.replace(secret, word)}`,
        metadata: { instrument: word },
      });
      await converse(client, { sessionKey, text: calling(['count', { word: `${word} ${n}` }]) });
    }
  };
  // Interleaved, so that the rows of both share pages.
  const purged = converse(client, { sessionKey: 'purged', text: `/say ${secret}` });
  await Promise.all([talk('purged', secret), talk('kept', 'trombonist'), purged]);
  const { run } = await purged;
  const { sessionId } = { sessionId: run.session.id };
  await client.send(UpdateSessionDocument, { input: { sessionId, title: `The ${secret}`, metadata } });
  await client.send(RememberDocument, { input: { sessionId, text: `Met the ${secret} today.` } });
  expect((await found())['-wal']).toBeGreaterThan(0);
  const { purgeSession } = await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'purged' } });
  expect(purgeSession.__typename).toBe('PurgeSessionSuccess');
  expect(await found()).toEqual({ '': 0, '-wal': 0, '-shm': 0, '-lock': 0 });
  expect((await readFile(row?.file ?? '')).toString('latin1')).toContain('trombonist');
});
