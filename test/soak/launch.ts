import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { bundledServer } from '../integration/tools/bundled-server.ts';
import { withDeadline } from '../until.ts';

const program = new URL('./counting-server.mjs', import.meta.url).pathname;

export interface LaunchOptions {
  databaseUrl: string;
  /** Where the tools record their executions. */
  folder: string;
  leaseSeconds: number;
}

/** Environment variables of a server with recording tools. */
export function environmentOf({
  databaseUrl,
  folder,
  leaseSeconds,
}: LaunchOptions): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name))),
    DATABASE_URL: databaseUrl,
    EXECUTIONS_FILE: join(folder, 'executions.log'),
    ASKING_SERVER: bundledServer('asking-server'),
    PORT: '0',
    LOG_LEVEL: 'info',
    RUNTAPE_LEASE_SECONDS: String(leaseSeconds),
  };
}

export function launch(options: LaunchOptions): ChildProcess {
  return spawn(process.execPath, [program], { env: environmentOf(options), stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Resolves with the URL of the server when it listens; rejects when it exits first. */
export function untilListening(child: ChildProcess): Promise<string> {
  let output = '';
  const listening = new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The server did not start (${code}): ${output}`)));
    child.stdout?.on('data', (chunk) => {
      output += String(chunk);
      const url = /"event":"listening","url":"([^"]+)"/.exec(output)?.[1];
      if (url) resolve(url);
    });
  });
  return withDeadline(listening, { description: 'the server to listen', seconds: 60 });
}
