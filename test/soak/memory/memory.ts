import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createHome } from '../../e2e/server-process.ts';
import { keepBusy } from './mixed-load.ts';
import { type Sample, trendOf } from './trend.ts';

/**
 * `npm run soak:memory -- --minutes 30`: users that do a bit of everything, and how the memory of the built server goes on
 * meanwhile. 3 minutes show that it runs; whether it is level takes 30. Linux only: it reads /proc.
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

await using home = await createHome({ models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } } });
const server = await home.start();
const begin = performance.now();
const elapsedSeconds = () => (performance.now() - begin) / 1000;
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

// Whatever fails, the last words of the server say more.
process.on('uncaughtExceptionMonitor', () => console.error(server.output().slice(-OUTPUT_CHARACTERS)));

const isOver = () => elapsedSeconds() >= end || isFailed;
const watching = watch();
const users = Array.from({ length: USERS }, (_, user) => keepBusy(server.url, user, isOver));
try {
  const deeds = (await Promise.all(users)).reduce((sum, count) => sum + count, 0);
  await watching;
  const { megabytesPerHour, megabytes, isLevel } = trendOf(samples);
  const slope = `${megabytesPerHour >= 0 ? '+' : ''}${megabytesPerHour.toFixed(1)} MB an hour`;
  console.log(
    `${deeds} deeds of ${USERS} users in ${minutes} minutes; second half: mean ${megabytes.toFixed(0)} MB, ${slope}`,
  );
  console.log(isLevel ? 'level' : 'growth');
  process.exitCode = isLevel ? 0 : 1;
} finally {
  isFailed = true;
  await watching;
  await server.end('SIGTERM');
}
