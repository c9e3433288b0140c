import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startTestGateway } from '../gateway.ts';

const root = join(import.meta.dirname, '../../..');
const example = join(root, 'examples/mcp-approval');

/** Runs the client of the example as its README does, with the decision as an argument. */
async function runClient(url: string, decision: string): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(example, 'client.ts'), decision], {
    cwd: root,
    env: { ...process.env, RUNTAPE_URL: url.replace(/^http/, 'ws') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += String(chunk)));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`The client exited with ${code}:\n${printed}`);
  return printed;
}

test('B45: the example asks for an approval before its MCP server writes, and obeys the decision', async () => {
  const written = join(example, 'workspace/hello.txt');
  await rm(written, { force: true });
  onTestFinished(() => rm(written, { force: true }));
  const file = JSON.parse(await readFile(join(example, 'runtape.config.json'), 'utf8'));
  const { url } = await startTestGateway({ file });
  const denied = await runClient(url, '--no');
  expect(denied).toContain('HIGH risk: workspace__write_file');
  expect(denied).toContain('A person denied this call.');
  await expect(readFile(written)).rejects.toThrow('ENOENT');
  const allowed = await runClient(url, '--yes');
  expect(allowed).toContain('Successfully wrote to hello.txt');
  expect(await readFile(written, 'utf8')).toBe('Written by a tool, allowed by a person.\n');
});
