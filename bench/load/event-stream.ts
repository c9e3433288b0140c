import { Agent, request } from 'node:http';
import { browserHeaders } from './browser-headers.ts';

/** Reads event streams over one keep-alive connection. */
export interface EventStreamClient {
  /** Posts a body and resolves when the stream has ended. `onEvent` receives the JSON of each event. */
  post(body: unknown, onEvent: (event: Record<string, unknown>) => void): Promise<void>;
  close(): void;
}

export function createEventStreamClient(url: string): EventStreamClient {
  const headers = { ...browserHeaders(new URL(url).origin), accept: '*/*', 'content-type': 'application/json' };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    post: (body, onEvent) =>
      new Promise((resolve, reject) => {
        const sent = request(url, { method: 'POST', agent, headers }, (response) => {
          if (response.statusCode !== 200) return reject(new Error(`${url} answered ${response.statusCode}.`));
          let rest = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) if (line.startsWith('data: {')) onEvent(JSON.parse(line.slice('data: '.length)));
          });
          response.on('end', resolve);
          response.on('error', reject);
        });
        sent.on('error', reject);
        sent.end(JSON.stringify(body));
      }),
    close: () => agent.destroy(),
  };
}
