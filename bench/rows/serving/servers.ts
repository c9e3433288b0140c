import type { StartedProcess } from '../../processes/child.ts';

/** Starts servers, and stops them when `use` has settled. */
export async function withServers<Server extends Pick<StartedProcess, 'stop'>, Result>(
  subjects: readonly { name: string; start(): Promise<Server> }[],
  use: (servers: (Server & { name: string })[]) => Promise<Result>,
): Promise<Result> {
  const servers: (Server & { name: string })[] = [];
  try {
    for (const { name, start } of subjects) servers.push({ ...(await start()), name });
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
