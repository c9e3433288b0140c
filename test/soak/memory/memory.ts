import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createServerFolder } from '../../e2e/server-process.ts';
import { simulateUser } from './mixed-load.ts';
import { type Sample, trendOf } from './trend.ts';

/**
 * `npm run soak:memory -- --minutes 30`: samples the memory of the built server under mixed load. Three minutes show that it
 * runs; it takes about 30 to see whether memory grows. Linux only: it reads /proc.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' } } });
const minutes = Number(values.minutes);

const USERS = 8;
const SAMPLE_SECONDS = 2;
const REPORT_SAMPLES = 15;
const OUTPUT_CHARACTERS = 4000;

function residentMegabytes(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

await using directory = await createServerFolder({
  models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } },
});
const server = await directory.start();
const startedAt = performance.now();
const elapsedSeconds = () => (performance.now() - startedAt) / 1000;
const end = minutes * 60;
let isFailed = false;
const samples: Sample[] = [];

async function watch(): Promise<void> {
  while (elapsedSeconds() < end && !isFailed) {
    samples.push({ seconds: elapsedSeconds(), megabytes: residentMegabytes(server.processId) });
    if (samples.length % REPORT_SAMPLES === 1) {
      const { seconds, megabytes } = samples.at(-1) ?? { seconds: 0, megabytes: 0 };
      console.log(`${(seconds / 60).toFixed(1)} min: ${megabytes.toFixed(0)} MB`);
    }
    await sleep(SAMPLE_SECONDS * 1000);
  }
}

// The end of the server's output tells more about a failure than the error of a client.
process.on('uncaughtExceptionMonitor', () => console.error(server.output().slice(-OUTPUT_CHARACTERS)));

const isOver = () => elapsedSeconds() >= end || isFailed;
const watching = watch();
const users = Array.from({ length: USERS }, (_, user) => simulateUser(server.url, user, isOver));
try {
  const actions = (await Promise.all(users)).reduce((sum, count) => sum + count, 0);
  await watching;
  const { megabytesPerHour, megabytes, isLevel } = trendOf(samples);
  const slope = `${megabytesPerHour >= 0 ? '+' : ''}${megabytesPerHour.toFixed(1)} MB per hour`;
  console.log(
    `${actions} actions of ${USERS} users in ${minutes} minutes; second half: mean ${megabytes.toFixed(0)} MB, ${slope}`,
  );
  console.log(isLevel ? 'level' : 'growth');
  process.exitCode = isLevel ? 0 : 1;
} finally {
  isFailed = true;
  await watching;
  await server.stop('SIGTERM');
}
