import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { benchFolder } from './folders.ts';

const OUTPUT_BYTES = 16 * 1024 * 1024;

/** Runs a script of `workers/` to its end. Resolves with the JSON that it prints. */
export async function runWorker<Result>(script: string, ...parameters: (string | number)[]): Promise<Result> {
  const command = [`${benchFolder}/workers/${script}`, ...parameters.map(String)];
  const options = { maxBuffer: OUTPUT_BYTES, env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' } };
  const { stdout } = await promisify(execFile)(process.execPath, command, options);
  return JSON.parse(stdout);
}
