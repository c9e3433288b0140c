import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { benchFolder, rootFolder } from '../processes/folders.ts';

const packages = [
  'ai',
  '@ai-sdk/openai-compatible',
  '@langchain/core',
  '@langchain/langgraph',
  '@langchain/openai',
  '@langchain/langgraph-checkpoint-sqlite',
  '@langchain/langgraph-checkpoint-postgres',
  'graphql',
  'graphql-ws',
  'graphql-yoga',
  'ws',
  'better-sqlite3',
  'pg',
];

/** The versions of the measured packages and of the system, by name. */
export function versions(): Record<string, string> {
  const packageVersions = packages.map((name) => [name, versionOf(name)] as const);
  return {
    runtape: `${versionOf('..')}, commit ${commit()}`,
    node: process.version,
    system: `${process.platform} ${process.arch}, ${cpus().length} cores`,
    ...Object.fromEntries(packageVersions),
  };
}

/** Looks in the packages of the benchmark first, then in those of the product, like Node does. */
function versionOf(name: string): string {
  const paths = createRequire(join(benchFolder, 'main.ts')).resolve.paths('x') ?? [];
  const folders = name === '..' ? [rootFolder] : paths.map((path) => join(path, name));
  for (const folder of folders) {
    try {
      return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
    } catch {
      // The next folder may have it.
    }
  }
  return 'not installed';
}

function commit(): string {
  try {
    const hash = git('rev-parse', '--short', 'HEAD');
    return git('status', '--porcelain', 'src') === '' ? hash : `${hash} with changes`;
  } catch {
    return 'unknown';
  }
}

function git(...words: string[]): string {
  return execFileSync('git', words, { cwd: rootFolder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
