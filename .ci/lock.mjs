// Allows one preparation at a time in a working tree. The lock is a folder, because creating a folder is atomic. It is in the
// temporary folder of the machine, because it holds a process id.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const heartbeatMilliseconds = 5_000;
const staleMilliseconds = 120_000;
/** The longest time between creating the folder and writing the owner into it, or for removing a stale lock. */
const graceMilliseconds = 10_000;

function create(folder) {
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
  return owner === null ? age > graceMilliseconds : !isAlive(owner) || age > staleMilliseconds;
}

/** Removes the lock of a process that died. A second lock keeps two processes from removing one after the other. */
function removeStale(folder) {
  const removal = `${folder}.removal`;
  if (!create(removal)) {
    if (ageMilliseconds(removal) > graceMilliseconds) rmSync(removal, { recursive: true, force: true });
    return;
  }
  if (isStale(folder)) rmSync(folder, { recursive: true, force: true });
  rmSync(removal, { recursive: true, force: true });
}

/** Waits for the lock of a working tree, and holds it until this process exits. */
export async function lock(root, print) {
  const folder = join(tmpdir(), `runtape-prepare-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  let waitReported = false;
  while (!create(folder)) {
    if (isStale(folder)) removeStale(folder);
    else if (!waitReported) {
      waitReported = true;
      print(`waiting for another preparation (process ${ownerOf(folder) ?? 'unknown'}).`);
    }
    await sleep(100);
  }
  writeFileSync(join(folder, 'owner'), String(process.pid));
  const heartbeat = setInterval(
    () => existsSync(folder) && utimesSync(folder, new Date(), new Date()),
    heartbeatMilliseconds,
  );
  heartbeat.unref();
  process.once('exit', () => {
    if (ownerOf(folder) === process.pid) rmSync(folder, { recursive: true, force: true });
  });
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.once(signal, () => process.exit(code));
  }
}
