import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const program = new URL('./counting-server.mjs', import.meta.url).pathname;

export interface Launching {
  databaseUrl: string;
  /** For the counted effects. */
  folder: string;
  leaseSeconds: number;
}

/** Variables of a server whose effects are counted. */
export function environmentOf({ databaseUrl, folder, leaseSeconds }: Launching): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name))),
    DATABASE_URL: databaseUrl,
    EFFECTS_FILE: join(folder, 'effects.log'),
    PORT: '0',
    LOG_LEVEL: 'info',
    RUNTAPE_LEASE_SECONDS: String(leaseSeconds),
  };
}

export function launch(launching: Launching): ChildProcess {
  return spawn(process.execPath, [program], { env: environmentOf(launching), stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The address of a server that was launched, as soon as it listens. */
export function listening(child: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The server did not start (${code}): ${output}`)));
    child.stdout?.on('data', (piece) => {
      output += String(piece);
      const url = /"event":"listening","url":"([^"]+)"/.exec(output)?.[1];
      if (url) resolve(url);
    });
  });
}
