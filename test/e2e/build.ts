import { spawn } from 'node:child_process';
import { once } from 'node:events';

const prepare = new URL('../../.ci/prepare.mjs', import.meta.url).pathname;

/** Builds the program: these tests run the same bundle as a user. */
export async function setup(): Promise<void> {
  const child = spawn(process.execPath, [prepare, 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('The build failed; the reason is printed above.');
}
