import { openGraphqlSocket } from '../load/graphql-socket.ts';
import { promptText } from '../model/prompt.ts';
import { createFolder } from '../processes/folders.ts';
import { newSessionKey, sendMessage } from './runtape.ts';
import { startRuntape } from './runtape-server.ts';

const SOCKETS = 8;
const CONCURRENT_MESSAGES = 64;

/**
 * Creates a folder with a database of open runs, each in its own session: sends them to a server that executes one run at a
 * time, with a model that never finishes, and kills the server.
 */
export async function writeOpenRuns(modelUrl: string, count: number): Promise<{ path: string; remove(): void }> {
  const folder = createFolder();
  const environment = { RUNTAPE_MAX_CONCURRENT_RUNS: '1' };
  const server = await startRuntape({ modelUrl, folder: folder.path, environment });
  const clients = await Promise.all(Array.from({ length: SOCKETS }, () => openGraphqlSocket(server.url)));
  const text = promptText({ tokens: 1, paceMilliseconds: 0, behaviour: 'hold' });
  let sent = 0;
  await Promise.all(
    Array.from({ length: CONCURRENT_MESSAGES }, async (_, index) => {
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
