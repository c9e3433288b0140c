import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { untilListening } from '../launch.ts';
import { type Outcomes, runHostileClients, type Target } from './clients.ts';

const main = new URL('../../../dist/main.js', import.meta.url).pathname;
const servedClient = new URL('./served-client.mjs', import.meta.url).pathname;
const loopDelay = new URL('../loop-delay.mjs', import.meta.url).pathname;

interface Phase {
  /** As `loop-delay.mjs` measures them. */
  loop: { p99: number; worst: number; hold: number; processor: number };
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
    { sha256: hash(good), principal: 'ada', scopes: ['read', 'write'] },
    { sha256: hash(hostile), principal: 'mallory', scopes: ['read', 'write'] },
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
    await warmUp({ url, authorization: `Bearer ${good}` });
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

/** The first requests of a server also load and compile its code, once. */
async function warmUp({ url, authorization }: Target): Promise<void> {
  await fetch(`${url}?query=%7B__typename%7D`, { headers: { authorization } });
  const query = 'mutation { sendMessage(input: { sessionKey: "a", text: "/say hello" }) { __typename } }';
  const headers = { 'content-type': 'application/json', authorization };
  await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
}

async function measure(server: ChildProcess, { url, authorization }: Target, seconds: number): Promise<Phase> {
  await loopOf(server);
  const client = spawn(process.execPath, [servedClient, url, authorization, String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = text(client.stdout);
  const [code] = await once(client, 'exit');
  if (code !== 0) throw new Error('The well-behaved client was not served.');
  return { loop: await loopOf(server), client: JSON.parse(await printed) };
}

async function loopOf(server: ChildProcess): Promise<Phase['loop']> {
  const answer = once(server, 'message');
  server.send('measure');
  const [loop] = await answer;
  return loop as Phase['loop'];
}
