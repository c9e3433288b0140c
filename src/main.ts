#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { type Configuration, readConfiguration } from './config/configuration.ts';
import { StartError } from './config/start-error.ts';

const USAGE = `Usage: runtape <command>

  serve     serve GraphQL (the default)
  migrate   bring the database to this release and stop
  verify    check every tape of the database, also while a server uses it
  rebuild   make the rows that queries read anew from the tapes
  token     make a token: token <principal> [scopes], such as token ada read,write,approve

The environment and ./runtape.config.json configure it; the README lists the variables.
`;

// WebAssembly is compiled by V8's baseline compiler alone: what the query compiler and the policy engine would gain by the
// optimising one is far less than the 40 MB that it takes.
setFlagsFromString('--liftoff-only');
// The V8 of Node 20 inlines calls of WebAssembly that are made often, and ends the process ("unreachable code") where such code
// has to be given up in the middle of a call. It shows after minutes under load, in the query compiler.
setFlagsFromString('--no-turbo-inline-js-wasm-calls');
// What is kept is small beside what is made and dropped: the heap may grow by half before it is collected, not fourfold. That
// takes a third less memory under load, for a tenth more processor time.
setFlagsFromString('--heap-growing-percent=50');
// Without it graphql-js looks at each value for a second copy of itself.
process.env.NODE_ENV ??= 'production';

/** Loaded when they are asked for: what is wrong with the configuration is said at once. */
const commands: Record<string, (configuration: Configuration) => Promise<void>> = {
  serve: async (configuration) => (await import('./server/commands/serve.ts')).serveCommand(configuration),
  migrate: async (configuration) => (await import('./server/commands/migrate.ts')).migrateCommand(configuration),
  verify: async (configuration) => (await import('./server/commands/verify.ts')).verifyCommand(configuration),
  rebuild: async (configuration) => (await import('./server/commands/rebuild.ts')).rebuildCommand(configuration),
};

const [name = 'serve', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) && rest.length === 0 ? commands[name] : undefined;
if (command) await run(command);
else if (name === 'token') await makeToken(rest);
else {
  const asked = ['help', '--help', '-h'].includes(name);
  (asked ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = asked ? 0 : 1;
}

async function run(chosen: (configuration: Configuration) => Promise<void>): Promise<void> {
  const outcome = readConfiguration(process.env, readIfThere);
  if (!outcome.ok) return fail(outcome.problems);
  try {
    await chosen(outcome.configuration);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    fail(error.message.split('\n'));
  }
}

/** Needs no configuration: the token is what a configuration may still lack. */
async function makeToken(words: string[]): Promise<void> {
  const { tokenCommand } = await import('./server/commands/token.ts');
  try {
    tokenCommand(words);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    fail(error.message.split('\n'), 'Runtape can not make a token');
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function fail(problems: string[], what = 'Runtape can not start'): void {
  process.stderr.write(`${what}:\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
  process.exitCode = 1;
}
