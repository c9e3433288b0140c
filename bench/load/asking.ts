import { now } from '../measure/clock.ts';
import { openHttp } from './http-connection.ts';

export interface Asked {
  /** Answers a second. */
  rate: number;
  errors: number;
}

/** Sends requests in turn for some seconds, over as many connections as are named, each waiting for its answer. */
export async function askRepeatedly(
  url: string,
  requests: readonly Buffer[],
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Asked> {
  const opened = await Promise.all(Array.from({ length: connections }, () => openHttp(url)));
  const begin = now();
  const end = begin + seconds * 1000;
  let [sent, good, errors] = [0, 0, 0];
  await Promise.all(
    opened.map(async (connection) => {
      while (now() < end) {
        const request = requests[sent % requests.length];
        sent += 1;
        if (!request) return;
        const text = await connection.send(request);
        if (text.startsWith('HTTP/1.1 200') && !text.includes('"errors"')) good += 1;
        else errors += 1;
      }
    }),
  );
  const took = (now() - begin) / 1000;
  for (const connection of opened) connection.close();
  return { rate: good / took, errors };
}
