// Runs the steps of the Dockerfile without Docker: `npm run test:image`. The folders of the image are in a temporary folder, the
// packages come from the registry, and the server runs as another user, if this one is root, who can write to its data only.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DockerfileParser } from 'dockerfile-ast';
import { command, StepFailed } from './child.mjs';
import { filesBelow } from './files.mjs';
import { copyTrackedFiles } from './tracked-files.mjs';

const root = dirname(import.meta.dirname);
/** In the image it is the user `node`. */
const otherUser = 65534;
const healthySeconds = 60;

const image = mkdtempSync(join(tmpdir(), 'runtape-image-'));
chmodSync(image, 0o755);
process.once('exit', () => rmSync(image, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** The same text with the folders of the image below the temporary one. */
const located = (text) => text.replace(/(?<![\w.])\/(?=(src|app|runtape)\b)/g, `${image}/`);

/** What a build without the ignored files would copy. The patterns with `**` match what git ignores, too. */
function copyContext(target) {
  copyTrackedFiles(root, target);
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  for (const name of ignored.filter((line) => /^[\w.]/.test(line))) {
    rmSync(join(target, name), { recursive: true, force: true });
  }
}

const steps = {
  WORKDIR(state, [path]) {
    state.directory = located(path);
    mkdirSync(state.directory, { recursive: true });
  },
  COPY(state, sources, from) {
    const [target, paths] = [sources.at(-1), sources.slice(0, -1)];
    // All stages share the folder.
    if (from !== null) return;
    if (paths.join() === '.') return copyContext(state.directory);
    for (const path of paths) cpSync(join(root, path), join(state.directory, target, path.replace(/^.*\//, '')));
  },
  async RUN(state, _words, _from, text) {
    const owner = process.getuid?.() === 0 ? `${otherUser}:${otherUser}` : '"$(id -u):$(id -g)"';
    const script = located(text).replace('node:node', owner);
    await command(state.directory, ['sh', '-ec', script]);
  },
};

async function build(instructions) {
  const state = { directory: image };
  for (const instruction of instructions) {
    const keyword = instruction.getKeyword();
    const step = steps[keyword];
    if (!step) continue;
    const text = instruction.getArgumentsContent();
    console.log(`${keyword} ${text}`);
    const words = instruction.getArguments().map((argument) => argument.getValue());
    const from = keyword === 'COPY' ? (instruction.getFromFlag()?.getValue() ?? null) : null;
    await step(state, words, from, text);
  }
  return state.directory;
}

/** The words of the last instruction with this keyword, which is in exec form. */
function words(instructions, keyword) {
  const text = instructions.findLast((each) => each.getKeyword() === keyword).getArgumentsContent();
  return JSON.parse(located(text.replace(/^[^[]*/, '')));
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function serve(instructions, directory) {
  const [, ...program] = [...words(instructions, 'ENTRYPOINT'), ...words(instructions, 'CMD')];
  const [, ...check] = words(instructions, 'HEALTHCHECK');
  const environment = { ...process.env, HOST: '127.0.0.1', PORT: String(await freePort()), HOME: '/nonexistent' };
  const before = filesBelow(image);
  const user = process.getuid?.() === 0 ? { uid: otherUser, gid: otherUser } : {};
  const server = spawn(process.execPath, program, { cwd: directory, env: environment, stdio: 'inherit', ...user });
  const exited = once(server, 'exit');
  process.once('exit', () => server.kill('SIGKILL'));
  const isHealthy = () => spawnSync(process.execPath, check, { env: environment }).status === 0;
  const deadline = Date.now() + healthySeconds * 1000;
  while (!isHealthy()) {
    if (Date.now() > deadline || server.exitCode !== null) throw new StepFailed('The server did not become healthy.');
    await sleep(500);
  }
  server.kill('SIGTERM');
  const [code] = await exited;
  if (code !== 0) throw new StepFailed(`After SIGTERM the server ended with ${code}.`);
  if (isHealthy()) throw new StepFailed('The health check succeeds without a server.');
  const written = filesBelow(image).filter((path) => !before.includes(path));
  const outside = written.filter((path) => !path.startsWith(join(directory, 'data')));
  if (outside.length > 0) throw new StepFailed(`Written outside of the volume: ${outside.join(', ')}`);
}

try {
  const instructions = DockerfileParser.parse(readFileSync(join(root, 'Dockerfile'), 'utf8')).getInstructions();
  await serve(instructions, await build(instructions));
  console.log('The image builds, becomes healthy, writes to its volume only and ends after SIGTERM.');
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
