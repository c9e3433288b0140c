#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { keepRunning } from './clock.ts';
import {
  type Configuration,
  type ConfigurationOutcome,
  configurationPath,
  readConfiguration,
} from './config/configuration.ts';
import { StartError } from './config/start-error.ts';
import { v8FlagsFor } from './server/v8-flags.ts';

const USAGE = `Usage: runtape <command>

  serve     serve GraphQL (the default)
  migrate   apply the migrations of this release to the database and exit
  verify    check the files, the hash chain of every tape and the rows, also while servers use the database:
            --write-heads <new file> keeps the newest hash of each tape, --against <file> compares with them
  backup    copy the SQLite database and its attachments to a new folder, also while a server runs: backup <folder>
  restore   restore a backup to a database that does not exist yet: restore <folder>
  rebuild   rebuild the projected rows and the search index from the tapes, while no server runs
  audit     print who decided or tried what, as JSON lines: audit [time], for example: audit 2026-11-22
  trace     export the trace of a run that has ended to the configured collector: trace <run>
  token     create an access token: token <principal> [scopes], for example: token ada read,write,approve
  doctor    check the configuration and everything that it names, and say what to do
  init      write ./runtape.config.json with the defaults of the most used keys

Environment variables and ./runtape.config.json configure it: see docs/configuration.md.
`;

for (const flag of v8FlagsFor(process.versions.node)) setFlagsFromString(flag);
// Outside production graphql-js checks each value for a second copy of itself.
process.env.NODE_ENV ??= 'production';

/** Each command is loaded when it runs, so that a configuration problem is reported without loading the server. */
const commands: Record<string, (configuration: Configuration, parameters: string[]) => Promise<void>> = {
  serve: async (configuration) =>
    (await import('./server/commands/serve.ts')).serveCommand(configuration, rereadingOf(configuration)),
  migrate: async (configuration) => (await import('./server/commands/migrate.ts')).migrateCommand(configuration),
  verify: async (configuration, parameters) =>
    (await import('./server/commands/verify.ts')).verifyCommand(configuration, parameters),
  rebuild: async (configuration) => (await import('./server/commands/rebuild.ts')).rebuildCommand(configuration),
  backup: async (configuration, parameters) =>
    (await import('./server/commands/backup.ts')).backupCommand(configuration, parameters),
  restore: async (configuration, parameters) =>
    (await import('./server/commands/restore.ts')).restoreCommand(configuration, parameters),
  audit: async (configuration, parameters) =>
    (await import('./server/commands/audit.ts')).auditCommand(configuration, parameters),
  trace: async (configuration, parameters) =>
    (await import('./server/commands/trace.ts')).traceCommand(configuration, parameters),
};
const commandsWithParameters = ['verify', 'backup', 'restore', 'audit', 'trace'];

const [name = 'serve', ...parameters] = process.argv.slice(2);
const takesParameters = parameters.length === 0 || commandsWithParameters.includes(name);
const command = Object.hasOwn(commands, name) && takesParameters ? commands[name] : undefined;
if (command) await runCommand((configuration) => command(configuration, parameters));
else if (name === 'token') await report('Runtape cannot create a token', () => createToken(parameters));
else if (name === 'init' && parameters.length === 0) await report('Runtape cannot write a configuration', init);
else if (name === 'doctor' && parameters.length === 0) await doctor();
else {
  const helpRequested = ['help', '--help', '-h'].includes(name);
  (helpRequested ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = helpRequested ? 0 : 1;
}

async function runCommand(run: (configuration: Configuration) => Promise<void>): Promise<void> {
  const outcome = readConfiguration(process.env, readFileIfExists);
  const failure = name === 'serve' ? 'Runtape cannot start' : `runtape ${name} failed`;
  if (outcome.ok) await report(failure, () => run(outcome.configuration));
  else fail('Runtape cannot start', outcome.problems);
}

/** Reads no configuration: the token may be the part that the configuration still lacks. */
async function createToken(words: string[]): Promise<void> {
  (await import('./server/commands/token.ts')).tokenCommand(words);
}

async function init(): Promise<void> {
  await (await import('./server/commands/init.ts')).initCommand(configurationPath(process.env));
}

/** Also reports a configuration that is not valid. */
async function doctor(): Promise<void> {
  const outcome = readConfiguration(process.env, readFileIfExists);
  await (await import('./server/commands/doctor.ts')).doctorCommand(outcome, process.env);
}

/** Prints a StartError without a stack, below the summary. */
async function report(summary: string, run: () => Promise<void>): Promise<void> {
  try {
    await keepRunning(run());
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    fail(summary, error.message.split('\n'));
  }
}

/** Null without a configuration file. Later it must exist: a missing file would reset everything to its default. */
function rereadingOf(configuration: Configuration): (() => ConfigurationOutcome) | null {
  if (!existsSync(configuration.configurationPath)) return null;
  return () => readConfiguration(process.env, (path) => readFileSync(path, 'utf8'));
}

function readFileIfExists(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function fail(summary: string, problems: string[]): void {
  process.stderr.write(`${summary}:\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
  process.exitCode = 1;
}
