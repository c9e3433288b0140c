import { statfs } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import * as limits from '../../config/limits.ts';
import { attachmentsFolder } from '../attachment-storage.ts';
import { sqlitePath } from '../own-files.ts';
import { listen, notFoundText } from '../transport/http-server.ts';
import { type Finding, findingOf, fine, problem, withinSeconds } from './finding.ts';
import { existingFolder } from './folders.ts';

const OLDEST_NODE = [20, 19] as const;

/** @param nodeVersion such as `22.11.0` */
export function checkNode(nodeVersion: string): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return problem(
      'Node',
      `Runtape needs Node ${OLDEST_NODE.join('.')} or newer, and this is ${nodeVersion}. Install a newer one.`,
    );
  }
  if (major === 24 && minor >= 19) {
    const cause = `Node ${nodeVersion} can abort in the SQLite driver (nodejs/node#65446)`;
    return problem('Node', `${cause}. Use Node 22 or 24.18.`);
  }
  return fine('Node', nodeVersion);
}

/** Bytes that a user may still write to the disk of a folder. */
export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Checks the disks of the database and of the attachments. */
export async function checkDisk(
  configuration: Configuration,
  freeBytes: (folder: string) => Promise<number>,
): Promise<Finding[]> {
  const database = sqlitePath(configuration.databaseUrl);
  const paths = [...(database === null ? [] : [dirname(database)]), attachmentsFolder(configuration)];
  const folders = [...new Set(paths.map(existingFolder))];
  return Promise.all(
    folders.map(async (folder) => {
      const bytes = await freeBytes(folder);
      const text = `${(bytes / 1024 ** 3).toFixed(1)} GiB are free in ${folder}`;
      if (bytes >= limits.DOCTOR_FREE_BYTES) return fine('disk', text);
      return problem('disk', `Only ${text}. Make room: without it nothing can be stored.`);
    }),
  );
}

/** Listens for a moment on the configured address. */
export async function checkPort({ host, port }: Configuration, clock: Clock): Promise<Finding[]> {
  return findingOf('port', 'Check HOST and PORT.', async () => {
    const server = createServer();
    try {
      await listen(server, host, port);
      return port === 0 ? `The system chooses a free port of ${host}` : `${host}:${port} is free`;
    } catch (error) {
      if (!(await isRuntape(host, port, clock))) throw error;
      return `A Runtape server listens on ${host}:${port}`;
    } finally {
      server.close();
    }
  });
}

/** Addresses that mean "all of this machine", as a client has to write them. */
const reachable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
const ANSWER_SECONDS = 3;

async function isRuntape(host: string, port: number, clock: Clock): Promise<boolean> {
  const name = reachable[host] ?? host;
  const address = name.includes(':') ? `[${name}]` : name;
  try {
    return await withinSeconds(clock, ANSWER_SECONDS, async (signal) => {
      const response = await fetch(`http://${address}:${port}/doctor`, { signal, redirect: 'error' });
      return (await response.text()).trim() === notFoundText('/graphql');
    });
  } catch {
    return false;
  }
}
