import { join } from 'node:path';
import { createEventStreamClient } from '../load/event-stream.ts';
import { start } from '../processes/child.ts';
import { benchFolder } from '../processes/places.ts';
import type { Contestant } from './contestant.ts';
import { createRide } from './ride.ts';

export const aiSdk: Contestant = {
  name: 'AI SDK',
  async start(modelUrl) {
    const script = join(benchFolder, 'peers/ai-sdk.mjs');
    const server = await start({ script, folder: benchFolder, environment: { MODEL_URL: modelUrl } });
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
            await client.post({ text }, (event) => {
              if (event.type === 'text-delta') ride.heard(String(event.delta));
              else if (event.type === 'finish') isDone = true;
            });
            return ride.end(isDone);
          },
        };
      },
    };
  },
};
