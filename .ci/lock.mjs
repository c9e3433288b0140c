// One preparation at a time in a work tree. The lock is a folder, because making one either succeeds or fails as a
// whole. It lies in the machine's temporary folder: the process id in it means something on this machine only.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const beatMilliseconds = 5_000;
const staleMilliseconds = 120_000;
/** Between making the folder and writing who made it, or while breaking a lock, nobody takes longer. */
const momentMilliseconds = 10_000;

function make(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function ageMilliseconds(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function ownerOf(folder) {
  try {
    return Number(readFileSync(join(folder, 'owner'), 'utf8')) || null;
  } catch {
    return null;
  }
}

function isAlive(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isStale(folder) {
  const owner = ownerOf(folder);
  const age = ageMilliseconds(folder);
  return owner === null ? age > momentMilliseconds : !isAlive(owner) || age > staleMilliseconds;
}

/** Removes a lock left by a process that died. Breaking has a lock of its own, or two could break one after the other. */
function breakStale(folder) {
  const breaking = `${folder}.breaking`;
  if (!make(breaking)) {
    if (ageMilliseconds(breaking) > momentMilliseconds) rmSync(breaking, { recursive: true, force: true });
    return;
  }
  if (isStale(folder)) rmSync(folder, { recursive: true, force: true });
  rmSync(breaking, { recursive: true, force: true });
}

/** Holds the lock of a work tree until this process ends, however it ends. */
export async function lock(root, say) {
  const folder = join(tmpdir(), `runtape-prepare-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  let told = false;
  while (!make(folder)) {
    if (isStale(folder)) breakStale(folder);
    else if (!told) {
      told = true;
      say(`waiting for another preparation (process ${ownerOf(folder) ?? 'unknown'}).`);
    }
    await sleep(100);
  }
  writeFileSync(join(folder, 'owner'), String(process.pid));
  const beat = setInterval(() => existsSync(folder) && utimesSync(folder, new Date(), new Date()), beatMilliseconds);
  beat.unref();
  process.once('exit', () => {
    if (ownerOf(folder) === process.pid) rmSync(folder, { recursive: true, force: true });
  });
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.once(signal, () => process.exit(code));
  }
}
