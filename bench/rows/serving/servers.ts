import type { Started } from '../../processes/child.ts';

/** Starts servers, and stops them when the work is done. */
export async function withServers<Server extends Pick<Started, 'stop'>, Result>(
  subjects: readonly { name: string; start(): Promise<Server> }[],
  work: (servers: (Server & { name: string })[]) => Promise<Result>,
): Promise<Result> {
  const servers: (Server & { name: string })[] = [];
  try {
    for (const { name, start } of subjects) servers.push({ ...(await start()), name });
    return await work(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
