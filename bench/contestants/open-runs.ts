import { openGraphqlSocket } from '../load/graphql-socket.ts';
import { promptText } from '../model/prompt.ts';
import { makeFolder } from '../processes/places.ts';
import { newSessionKey, sendMessage } from './runtape.ts';
import { startRuntape } from './runtape-server.ts';

const SOCKETS = 8;
const AT_A_TIME = 64;

/**
 * A folder whose database has many open runs, each in a session of its own: sent to a server that works on one run only,
 * whose model never ends, and which is then killed.
 */
export async function writeOpenRuns(modelUrl: string, count: number): Promise<{ path: string; remove(): void }> {
  const folder = makeFolder();
  const environment = { RUNTAPE_MAX_CONCURRENT_RUNS: '1' };
  const server = await startRuntape({ modelUrl, folder: folder.path, environment });
  const clients = await Promise.all(Array.from({ length: SOCKETS }, () => openGraphqlSocket(server.url)));
  const text = promptText({ tokens: 1, pace: 0, more: 'hold' });
  let sent = 0;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async (_, index) => {
      const client = clients[index % SOCKETS];
      while (client && sent < count) {
        sent += 1;
        await sendMessage(client, { sessionKey: newSessionKey(), text });
      }
    }),
  );
  for (const client of clients) client.close();
  await server.stop('SIGKILL');
  return folder;
}
