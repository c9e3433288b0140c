import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilListening } from '../launch.ts';
import { type Outcomes, runHostileClients, type Target } from './clients.ts';

const main = new URL('../../../dist/main.js', import.meta.url).pathname;
const loopDelay = new URL('../loop-delay.mjs', import.meta.url).pathname;

/** Keeps the well-behaved client below its points a minute. */
const PAUSE_MILLISECONDS = 20;

interface Phase {
  /** Delay of the server's event loop, in milliseconds, and its processor time. */
  loop: { p99: number; worst: number; processor: number };
  /** Response times of a well-behaved client, in milliseconds. */
  client: { requests: number; p50: number; p99: number };
}

export interface Attack {
  before: Phase;
  during: Phase;
  outcomes: Outcomes;
}

const tokenOf = () => randomBytes(16).toString('hex');
const hash = (token: string) => createHash('sha256').update(token).digest('hex');

/** Measures the built server with accounts before and while hostile clients of all kinds attack it. Ends by itself. */
export async function measureAttack({ clients, seconds }: { clients: number; seconds: number }): Promise<Attack> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-hostile-'));
  const [good, hostile] = [tokenOf(), tokenOf()];
  const tokens = [
    { sha256: hash(good), principal: 'ada', scopes: ['read'] },
    { sha256: hash(hostile), principal: 'mallory', scopes: ['read'] },
  ];
  await writeFile(join(folder, 'runtape.config.json'), JSON.stringify({ auth: { mode: 'tokens', tokens } }));
  const inherited = Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name));
  const server = spawn(process.execPath, ['--import', loopDelay, main, 'serve'], {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), PORT: '0', LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  try {
    const url = await untilListening(server);
    await measure(server, { url, authorization: `Bearer ${good}` }, 1);
    const before = await measure(server, { url, authorization: `Bearer ${good}` }, seconds);
    const attack = new AbortController();
    const attacking = runHostileClients({ url, authorization: `Bearer ${hostile}` }, clients, attack.signal);
    const during = await measure(server, { url, authorization: `Bearer ${good}` }, seconds);
    attack.abort();
    return { before, during, outcomes: await attacking };
  } finally {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(server: ChildProcess, target: Target, seconds: number): Promise<Phase> {
  await loopOf(server);
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  while (performance.now() < end) {
    const start = performance.now();
    await query(target);
    times.push(performance.now() - start);
    await sleep(PAUSE_MILLISECONDS);
  }
  times.sort((one, other) => one - other);
  const percentile = (part: number) => Math.round((times[Math.floor(times.length * part)] ?? 0) * 10) / 10;
  return {
    loop: await loopOf(server),
    client: { requests: times.length, p50: percentile(0.5), p99: percentile(0.99) },
  };
}

/** Throws if the client is not served. */
async function query({ url, authorization }: Target): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization };
  const response = await fetch(url, { method: 'POST', headers, body: '{"query":"{ viewer { principal } }"}' });
  const text = await response.text();
  if (response.status !== 200 || !text.includes('ada')) throw new Error(`The client is not served: ${text}`);
}

async function loopOf(server: ChildProcess): Promise<Phase['loop']> {
  const answer = once(server, 'message');
  server.send('measure');
  const [loop] = await answer;
  return loop as Phase['loop'];
}
