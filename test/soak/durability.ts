import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestClient } from '../client.ts';
import { send } from '../integration/conversation.ts';
import { environmentOf, untilListening } from './launch.ts';

/**
 * `npm run check:durability`: runs the built server on SQLite under strace, and checks in the trace of its system calls that the
 * write-ahead log was synced after an event of the run was written to it and before the answer to `sendMessage` was sent. Then
 * shows that the check notices a server that does not sync. Needs Linux and strace.
 */

const MESSAGES = 20;
const program = new URL('../../dist/main.js', import.meta.url).pathname;
/** Long enough for a whole page of the database. */
const STRING_BYTES = 5000;

if (spawnSync('strace', ['-V']).status !== 0) {
  console.error('strace is not installed. Install it, for example with: apt-get install strace');
  process.exit(1);
}

function launchTraced(folder: string, traceFile: string, durability: 'full' | 'normal'): ChildProcess {
  const calls = 'trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg';
  const strace = [
    '--follow-forks',
    '--decode-fds=path',
    `--string-limit=${STRING_BYTES}`,
    '-e',
    calls,
    '-o',
    traceFile,
  ];
  const environment = environmentOf({ databaseUrl: `file:${join(folder, 'runtape.db')}`, folder, leaseSeconds: 30 });
  return spawn('strace', [...strace, process.execPath, program, 'serve'], {
    cwd: folder,
    env: { ...environment, RUNTAPE_DURABILITY: durability },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Sends messages one after another to a traced server. Returns the acknowledged runs and the lines of the trace. */
async function traceMessages(durability: 'full' | 'normal') {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-trace-'));
  const traceFile = join(folder, 'trace');
  const child = launchTraced(folder, traceFile, durability);
  const exited = once(child, 'exit');
  try {
    const url = await untilListening(child);
    await using client = createTestClient(url);
    const runIds: string[] = [];
    for (let count = 0; count < MESSAGES; count += 1) {
      runIds.push((await send(client, { sessionKey: `session ${count}`, text: `/say ${count}` })).run.id);
    }
    return { runIds, lines: (await readFile(traceFile, 'latin1')).split('\n') };
  } finally {
    // strace blocks signals; its only child is the server.
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '');
    for (const processId of children.split(' ').filter(Boolean)) process.kill(Number(processId), 'SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

/** Why the trace does not show that the run was durable before its answer; null if it does. */
function problemOf(runId: string, lines: readonly string[]): string | null {
  const answered = lines.findIndex(
    (line) => /\b(write|writev|sendto|sendmsg)\(\d+<socket:/.test(line) && line.includes(runId),
  );
  if (answered < 0) return 'the trace has no answer';
  const written = lines.findIndex((line) => /\bpwrite64\(\d+<[^>]*-wal>/.test(line) && line.includes(runId));
  if (written < 0 || written > answered) return 'it was not written to the write-ahead log before its answer';
  if (!lines.slice(written, answered).some((line, index, between) => isCompleteSync(line, between.slice(index)))) {
    return 'the write-ahead log was not synced between the write of the run and its answer';
  }
  return null;
}

/** Whether the line is a successful sync of the write-ahead log. Another thread can interrupt the line of a call. */
function isCompleteSync(line: string, following: readonly string[]): boolean {
  const [, processId, rest = ''] = /^(\d+) +f(?:data)?sync\(\d+<[^>]*-wal>(.*)$/.exec(line) ?? [];
  if (processId === undefined) return false;
  if (!rest.includes('<unfinished')) return /\) += 0$/.test(rest);
  return following.some((later) => later.startsWith(processId) && /<\.\.\. f(data)?sync resumed>\) += 0$/.test(later));
}

async function problems(durability: 'full' | 'normal'): Promise<string[]> {
  const { runIds, lines } = await traceMessages(durability);
  return runIds.flatMap((runId) => problemOf(runId, lines) ?? []);
}

const [full, normal] = [await problems('full'), await problems('normal')];
console.log(
  `With RUNTAPE_DURABILITY=full, ${MESSAGES - full.length} of ${MESSAGES} acknowledged runs were synced before the answer.`,
);
for (const problem of new Set(full)) console.error(problem);
console.log(`With RUNTAPE_DURABILITY=normal, the trace shows ${normal.length} of ${MESSAGES} that were not.`);
if (normal.length === 0)
  console.error('The check did not notice that a server with RUNTAPE_DURABILITY=normal does not sync.');
process.exitCode = full.length === 0 && normal.length > 0 ? 0 : 1;
