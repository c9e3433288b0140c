import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createEventStreamClient } from '../load/event-stream.ts';
import { type StartedProcess, startProcess } from '../processes/child.ts';
import { benchFolder, createFolder } from '../processes/folders.ts';
import type { ChatSystem } from './chat-system.ts';
import { createMessageTimer } from './message-timer.ts';

/** @param postgresUrl where threads are stored; without it, a SQLite file */
export async function startLangGraph(modelUrl: string, postgresUrl?: string): Promise<StartedProcess> {
  const folder = createFolder();
  const environment = {
    MODEL_URL: modelUrl,
    FOLDER: folder.path,
    ...(postgresUrl ? { POSTGRES_URL: postgresUrl } : {}),
  };
  const script = join(benchFolder, 'peers/langgraph.mjs');
  const server = await startProcess({ script, folder: benchFolder, environment });
  return {
    ...server,
    async stop(signal) {
      await server.stop(signal);
      folder.remove();
    },
  };
}

export function langGraph(postgresUrl?: string): ChatSystem {
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
            async send(text, recordDelays) {
              const timer = createMessageTimer(recordDelays);
              let isDone = false;
              await client.post({ thread: randomUUID(), text }, (event) => {
                if (event.type === 'token') timer.received(String(event.text));
                else if (event.type === 'end') isDone = true;
              });
              return timer.finish(isDone);
            },
          };
        },
      };
    },
  };
}
