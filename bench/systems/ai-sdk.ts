import { join } from 'node:path';
import { createEventStreamClient } from '../load/event-stream.ts';
import { startProcess } from '../processes/child.ts';
import { benchFolder } from '../processes/folders.ts';
import type { ChatSystem } from './chat-system.ts';
import { createMessageTimer } from './message-timer.ts';

export const aiSdk: ChatSystem = {
  name: 'AI SDK',
  async start(modelUrl) {
    const script = join(benchFolder, 'peers/ai-sdk.mjs');
    const server = await startProcess({ script, folder: benchFolder, environment: { MODEL_URL: modelUrl } });
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
            await client.post({ text }, (event) => {
              if (event.type === 'text-delta') timer.received(String(event.delta));
              else if (event.type === 'finish') isDone = true;
            });
            return timer.finish(isDone);
          },
        };
      },
    };
  },
};
