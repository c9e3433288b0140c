import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createEventStreamClient } from '../load/event-stream.ts';
import { type Started, start } from '../processes/child.ts';
import { benchFolder, makeFolder } from '../processes/places.ts';
import type { Contestant } from './contestant.ts';
import { createRide } from './ride.ts';

/** @param postgresUrl where threads are kept; in a SQLite file without */
export async function startLangGraph(modelUrl: string, postgresUrl?: string): Promise<Started> {
  const folder = makeFolder();
  const environment = {
    MODEL_URL: modelUrl,
    FOLDER: folder.path,
    ...(postgresUrl ? { POSTGRES_URL: postgresUrl } : {}),
  };
  const script = join(benchFolder, 'peers/langgraph.mjs');
  const server = await start({ script, folder: benchFolder, environment });
  return {
    ...server,
    async stop(signal) {
      await server.stop(signal);
      folder.remove();
    },
  };
}

export function langGraph(postgresUrl?: string): Contestant {
  return {
    name: postgresUrl ? 'LangGraph + Postgres' : 'LangGraph + SQLite',
    async start(modelUrl) {
      const server = await startLangGraph(modelUrl, postgresUrl);
      return {
        processId: server.processId,
        stop: server.stop,
        async connect() {
          const client = createEventStreamClient(server.url);
          return {
            close: client.close,
            async talk(text, timed) {
              const ride = createRide(timed);
              let isDone = false;
              await client.post({ thread: randomUUID(), text }, (event) => {
                if (event.type === 'token') ride.heard(String(event.text));
                else if (event.type === 'end') isDone = true;
              });
              return ride.end(isDone);
            },
          };
        },
      };
    },
  };
}
