import { spawn } from 'node:child_process';
import { once } from 'node:events';

const prepare = new URL('../../.ci/prepare.mjs', import.meta.url).pathname;

/** The tests of the real process run what users run: the sources as they are now, compiled. */
export async function setup(): Promise<void> {
  const child = spawn(process.execPath, [prepare, 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('The program could not be built; what is wrong stands above.');
}
