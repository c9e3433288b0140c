import { now } from '../measure/clock.ts';
import { openHttp } from './http-connection.ts';

export interface HttpLoadResult {
  /** Successful responses per second. */
  rate: number;
  errors: number;
}

/** Sends requests round robin for some seconds. Each connection sends its next request when it has the response. */
export async function sendRepeatedly(
  url: string,
  requests: readonly Buffer[],
  { connections, seconds }: { connections: number; seconds: number },
): Promise<HttpLoadResult> {
  const opened = await Promise.all(Array.from({ length: connections }, () => openHttp(url)));
  const begin = now();
  const end = begin + seconds * 1000;
  let [sent, succeeded, errors] = [0, 0, 0];
  await Promise.all(
    opened.map(async (connection) => {
      while (now() < end) {
        const request = requests[sent % requests.length];
        sent += 1;
        if (!request) return;
        const response = await connection.send(request);
        if (response.startsWith('HTTP/1.1 200') && !response.includes('"errors"')) succeeded += 1;
        else errors += 1;
      }
    }),
  );
  const elapsedSeconds = (now() - begin) / 1000;
  for (const connection of opened) connection.close();
  return { rate: succeeded / elapsedSeconds, errors };
}
