import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { attack, isServed } from '../integration/access/hostile/attack.ts';
import { measureAttack } from './hostile/measured-attack.ts';
import { launch, untilListening } from './launch.ts';

/**
 * `npm run soak:hostile -- [rounds] [seed]`: measures the server under 20 hostile clients of all kinds in each round, then sends
 * 5,000 random documents, and random bodies, frames and bytes.
 */
const rounds = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
console.log(`${rounds} rounds with seed ${seed}`);

for (let round = 0; round < rounds; round += 1) {
  const attack = await measureAttack({ clients: 20, seconds: 10 });
  console.log(JSON.stringify({ round, load: loadavg()[0], ...attack }));
}

const folder = await mkdtemp(join(tmpdir(), 'runtape-hostile-'));
const server = launch({ databaseUrl: `file:${join(folder, 'runtape.db')}`, folder, leaseSeconds: 1 });
try {
  const url = await untilListening(server);
  for (let round = 0; round < rounds; round += 1) {
    const report = await attack({ url, seed: seed + round, documents: 5000, longDocuments: 50 });
    if (server.exitCode !== null || !(await isServed(url))) {
      throw new Error(`The server does not answer after round ${round}.`);
    }
    console.log(
      JSON.stringify({ round, seed: seed + round, residentMegabytes: residentMegabytes(server.pid), report }),
    );
  }
} finally {
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
  await rm(folder, { recursive: true, force: true });
}

/** Null on systems without /proc. */
function residentMegabytes(processId: number | undefined): number | null {
  const path = `/proc/${processId}/status`;
  if (!existsSync(path)) return null;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) / 1024);
}
