// `npm run test:next`: installs Next.js and the packed client into an empty project, builds it, and opens it in a browser. Needs the
// registry. `npm test` renders the hooks with `react-dom/server` instead, and checks the package with tools.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { findBrowser } from '../browser/find-browser.ts';
import { poll } from '../until.ts';
import { createServerFolder } from './server-process.ts';

const [version = 'latest'] = process.argv.slice(2);
const root = join(import.meta.dirname, '../..');

const files: Record<string, string> = {
  'package.json': JSON.stringify({ private: true, type: 'module' }),
  'app/layout.jsx': `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}`,
  // A server component uses the core, and renders a client component with the hooks.
  'app/page.jsx': `import { RuntapeError } from '@runtape/client';
import { Chat } from './chat.jsx';
export default function Page() {
  return <main><h1>{new RuntapeError('CODE', 'From a server component').message}</h1><Chat /></main>;
}`,
  'app/chat.jsx': `'use client';
import { createClient } from '@runtape/client';
import { RuntapeProvider, useSession } from '@runtape/client/react';
const tape = createClient({ url: process.env.NEXT_PUBLIC_GATEWAY });
function Messages() {
  const { messages, send, sync } = useSession('next');
  return <section data-sync={sync.state}>
    <button onClick={() => send('/say from the gateway')}>Send</button>
    {messages.map(({ cursor, role, text }) => <p key={cursor}>{role}: {text}</p>)}
  </section>;
}
export const Chat = () => <RuntapeProvider client={tape}><Messages /></RuntapeProvider>;`,
  // The entry point with the hooks says itself that it is for client components.
  'app/imported/page.jsx': `import { RuntapeProvider } from '@runtape/client/react';
export default function Page() {
  return <h1>RuntapeProvider is a {typeof RuntapeProvider}</h1>;
}`,
  'app/answer/route.js': `import { createClient } from '@runtape/client';
export const dynamic = 'force-dynamic';
export async function GET() {
  const tape = createClient({ url: process.env.NEXT_PUBLIC_GATEWAY });
  try {
    const run = await tape.session('route').send('/say from a route handler');
    return Response.json(await run.done());
  } finally {
    await tape.close();
  }
}`,
};

async function run(command: string, parameters: string[], cwd: string, env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(command, parameters, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`\`${command} ${parameters.join(' ')}\` failed with exit code ${code}.`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}

function check(actual: string, expected: string): void {
  if (!actual.includes(expected)) throw new Error(`Expected ${JSON.stringify(expected)} in:\n${actual}`);
  console.log(`found: ${expected}`);
}

const project = await mkdtemp(join(tmpdir(), 'runtape-next-'));
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
await using home = await createServerFolder({ cors: { origins: [origin] } });
try {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), content);
  }
  await run('npm', ['pack', '--pack-destination', project], join(root, 'client'));
  const packages = [`next@${version}`, 'react', 'react-dom', './runtape-client-0.1.0.tgz'];
  await run('npm', ['install', '--no-audit', '--no-fund', ...packages], project);

  const gateway = await home.start();
  const env = { ...process.env, NEXT_PUBLIC_GATEWAY: gateway.url, NEXT_TELEMETRY_DISABLED: '1' };
  await run('npx', ['next', 'build'], project, env);
  const parameters = [join(project, 'node_modules/next/dist/bin/next'), 'start', '-p', String(port), '-H', '127.0.0.1'];
  const next = spawn(process.execPath, parameters, { cwd: project, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(next, 'exit');
  try {
    const text = async (path: string) => (await fetch(origin + path)).text();
    await poll(() => text('/').catch(() => null), { description: 'Next.js', seconds: 60 });
    check(await text('/'), 'From a server component');
    check(await text('/'), 'data-sync="catching-up"');
    check(await text('/imported'), 'RuntapeProvider is a');
    check(await text('/answer'), '"output":"from a route handler"');

    const { executablePath, flags } = await findBrowser();
    const browser = await chromium.launch({
      executablePath,
      args: flags.filter((flag) => flag !== '--disable-web-security'),
    });
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => message.type() === 'error' && console.log(message.text()));
    await page.goto(origin);
    await page.locator('[data-sync=live]').waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('ASSISTANT: from the gateway').waitFor();
    await browser.close();
    check(['no error in the browser', ...problems].join('\n'), 'no error in the browser');
    if (problems.length > 0) throw new Error(problems.join('\n'));
  } finally {
    next.kill('SIGKILL');
    await ended;
  }
} finally {
  await rm(project, { recursive: true, force: true });
}
