import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { poll } from '../until.ts';

const root = new URL('../..', import.meta.url).pathname;

interface Script {
  child: ChildProcess;
  url: string;
  output(): string;
}

/** Starts `npm run <name>` as the leader of a process group, as a terminal or a process manager does. */
async function startScript(name: string): Promise<Script> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-npm-'));
  const inherited = Object.entries(process.env).filter(([variable]) => !/^(NODE_|VITEST|npm_)/.test(variable));
  const child = spawn('npm', ['run', name], {
    cwd: root,
    detached: true,
    env: {
      ...Object.fromEntries(inherited),
      PORT: '0',
      DATABASE_URL: `file:${join(folder, 'runtape.db')}`,
      RUNTAPE_DRAIN_SECONDS: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  child.stderr?.on('data', (chunk) => (text += String(chunk)));
  onTestFinished(async () => {
    signalGroup(child, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const url = await poll(() => /"event":"listening","url":"([^"]+)"/.exec(text)?.[1], {
    description: 'the server to listen',
    seconds: 120,
  });
  return { child, url, output: () => text };
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-(pid ?? 0), signal);
  } catch {
    return false;
  }
}

const isListening = (url: string) =>
  fetch(new URL('/livez', url)).then(
    () => true,
    () => false,
  );

// `npm run dev` compiles the program again for each of its tests. It hands both signals on in the same way.
describe.each([
  { name: 'start', signals: ['SIGTERM', 'SIGINT'] as const },
  { name: 'dev', signals: ['SIGTERM'] as const },
])('npm run $name', ({ name, signals }) => {
  test.each(signals)('B51: ended by %s to npm alone leaves no process behind', async (signal) => {
    const { child, url, output } = await startScript(name);
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    await poll(() => !signalGroup(child, 0), { description: 'the end of all processes of the group', seconds: 20 });
    expect(await isListening(url)).toBe(false);
    expect(output()).toContain('"event":"stopping"');
    expect(output()).not.toContain('"level":50');
  });

  test('B51: stops once when Ctrl-C sends SIGINT to the whole process group', async () => {
    const { child, url, output } = await startScript(name);
    const exited = once(child, 'exit');
    signalGroup(child, 'SIGINT');
    await exited;
    await poll(() => !signalGroup(child, 0), { description: 'the end of all processes of the group', seconds: 20 });
    expect(await isListening(url)).toBe(false);
    expect(output().split('"event":"stopping"')).toHaveLength(2);
  });
});
