import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const program = new URL('./counting-server.mjs', import.meta.url).pathname;

/** Variables of a server whose database and counted effects are in a folder. */
export function environmentIn(folder: string): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name))),
    ...{ DATABASE_URL: `file:${join(folder, 'runtape.db')}`, EFFECTS_FILE: join(folder, 'effects.log') },
    ...{ PORT: '0', RUNTAPE_LEASE_SECONDS: '1' },
  };
}

export function launch(folder: string): ChildProcess {
  return spawn(process.execPath, [program], { env: environmentIn(folder), stdio: ['ignore', 'pipe', 'inherit'] });
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
