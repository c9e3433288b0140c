import { join } from 'node:path';
import { createEventStreamClient } from '../load/event-stream.ts';
import { startProcess } from '../processes/child.ts';
import { benchFolder } from '../processes/folders.ts';
import type { ChatSystem } from './chat-system.ts';
import { createMessageTimer } from './message-timer.ts';

/** @param tools whether the model may call a tool */
export const aiSdk = ({ tools = false } = {}): ChatSystem => ({
  name: 'AI SDK',
  async start(modelUrl) {
    const script = join(benchFolder, 'peers/ai-sdk.mjs');
    const environment = { MODEL_URL: modelUrl, TOOLS: tools ? '1' : '' };
    const server = await startProcess({ script, folder: benchFolder, environment });
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
});
