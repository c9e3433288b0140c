import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createRetentionSweep } from '../../../src/application/retention-sweep.ts';
import { metadataDigests } from '../../../src/domain/metadata.ts';
import type { Gateway } from '../../../src/server/gateway.ts';
import type { TestClient } from '../../client.ts';
import { sequence } from '../../contract/appends.ts';
import {
  CreateAgentDocument,
  PurgeSessionDocument,
  RememberDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';

/** In its searchable form as well. */
const secret = 'xylophonist';
const metadata = { instrument: secret };
const traces = new RegExp([secret, ...metadataDigests(metadata)].join('|'), 'g');
const paragraph = `${'The harbour was quiet that morning. '.repeat(200)} ${secret} ${'Nobody came. '.repeat(200)}`;

type Parts = Gateway['parts'];

/** Both ways in which a session is purged. */
const ways: [string, (client: TestClient, parts: Parts, sessionId: string) => Promise<void>][] = [
  [
    'B7: after a purge',
    async (client, _parts, sessionId) => {
      const { purgeSession } = await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'purged' } });
      expect(purgeSession.__typename).toBe('PurgeSessionSuccess');
    },
  ],
  [
    'B108: after the time of retention',
    async (client, { commands }, sessionId) => {
      const now = Date.now() + 30 * 24 * 60 * 60 * 1000;
      const { createAgent } = await client.send(CreateAgentDocument, { input: { name: 'short', instructions: 'x' } });
      if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.message);
      await client.send(UpdateSessionDocument, { input: { sessionId, agentId: createAgent.agent.id } });
      const periodsOf = (agent: string | null) => ({
        archiveAfterDays: null,
        purgeAfterDays: agent === 'short' ? 20 : null,
      });
      await createRetentionSweep({ ...commands, now: () => now }, { isOn: () => true, periodsOf })();
    },
  ],
];

test.each(ways)(
  '%s no file of the database holds a text of the session, while the server runs',
  async (_way, purge) => {
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
    await purge(client, gateway.parts, sessionId);
    expect(await found()).toEqual({ '': 0, '-wal': 0, '-shm': 0, '-lock': 0 });
    expect((await readFile(row?.file ?? '')).toString('latin1')).toContain('trombonist');
  },
);
