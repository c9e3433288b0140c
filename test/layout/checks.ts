import { functionsOf } from './functions.ts';
import { type Import, importedPath, importsOf } from './imports.ts';
import { allowance, type Room, roomOf, rooms, timeFiles } from './rooms.ts';
import { type Token, tokensOf } from './tokens.ts';

/** Paths in the repository, with `/`, and their contents. Each check returns what is wrong, one line a problem. */
export type Files = ReadonlyMap<string, string>;

export const ceilings = { sourceLines: 250, testLines: 400, functionLines: 70, folderFiles: 12, medianLines: 100 };

const forbiddenNames = new Set(['utils', 'helpers', 'shared', 'common', 'lib', 'types']);
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

function isSource(path: string): boolean {
  return path.startsWith('src/') && path.endsWith('.ts');
}

function linesOf(content: string): number {
  return content.split('\n').length - (content.endsWith('\n') ? 1 : 0);
}

/** What `check` finds in each source file, with the place in front. */
function inSources(files: Files, check: (tokens: Token[], path: string) => { line: number; text: string }[]): string[] {
  return [...files]
    .filter(([path]) => isSource(path))
    .flatMap(([path, content]) => check(tokensOf(content), path).map(({ line, text }) => `${path}:${line} ${text}`));
}

function roomProblem(path: string, found: Import, table: readonly Room[]): string | null {
  const to = importedPath(path, found.from);
  if (to === null) return null;
  if (!to.startsWith('src/')) return `imports ${to}, which lies outside src`;
  const [from, room] = [roomOf(path), roomOf(to)];
  const allowed = allowance(from, room, table);
  if (allowed === 'all' || (allowed === 'types' && found.typesOnly)) return null;
  return allowed === 'types' ? `${from} may import only types from ${room}` : `${from} must not import ${room}`;
}

/** Imports that the room table does not allow, and files in no room. */
export function roomProblems(files: Files, table: readonly Room[] = rooms): string[] {
  return inSources(files, (tokens, path) => {
    if (!table.some((room) => room.name === roomOf(path))) return [{ line: 1, text: 'is in no room of the table' }];
    return importsOf(tokens).flatMap((found) => {
      const text = roomProblem(path, found, table);
      return text === null ? [] : [{ line: found.line, text }];
    });
  });
}

/** Relative imports without the extension of the file they mean, in sources and tests. */
export function extensionProblems(files: Files): string[] {
  return [...files]
    .filter(([path]) => path.endsWith('.ts'))
    .flatMap(([path, content]) =>
      importsOf(tokensOf(content))
        .filter(({ from }) => importedPath(path, from) !== null && !/\.(ts|mjs|json)$/.test(from))
        .map(({ from, line }) => `${path}:${line} imports ${from} without .ts`),
    );
}

/** `export … from`: whoever needs a thing imports the file that defines it. */
export function reExportProblems(files: Files): string[] {
  return inSources(files, (tokens) =>
    importsOf(tokens)
      .filter(({ passedOn }) => passedOn)
      .map(({ from, line }) => ({ line, text: `passes on ${from}` })),
  );
}

export function defaultExportProblems(files: Files): string[] {
  return inSources(files, (tokens) =>
    tokens
      .filter((token, index) => {
        const before = tokens[index - 1]?.text;
        return token.kind === 'word' && token.text === 'default' && (before === 'export' || before === 'as');
      })
      .map(({ line }) => ({ line, text: 'exports a default' })),
  );
}

export function lengthProblems(files: Files): string[] {
  const problems: string[] = [];
  for (const [path, content] of files) {
    if (!/\.(ts|mjs)$/.test(path)) continue;
    const ceiling = path.startsWith('test/') ? ceilings.testLines : ceilings.sourceLines;
    const lines = linesOf(content);
    if (lines > ceiling) problems.push(`${path} has ${lines} lines, more than ${ceiling}`);
  }
  return problems;
}

export function functionLengthProblems(files: Files): string[] {
  return inSources(files, (tokens) =>
    functionsOf(tokens)
      .filter(({ lines }) => lines > ceilings.functionLines)
      .map(({ name, line, lines }) => ({
        line,
        text: `${name} has ${lines} lines, more than ${ceilings.functionLines}`,
      })),
  );
}

/** The median source file is well under its ceiling. */
export function medianProblems(files: Files): string[] {
  const lengths = [...files]
    .filter(([path]) => isSource(path))
    .map(([, content]) => linesOf(content))
    .sort((a, b) => a - b);
  const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
  return median < ceilings.medianLines ? [] : [`the median source file has ${median} lines`];
}

export function folderProblems(files: Files): string[] {
  const counts = new Map<string, number>();
  for (const path of files.keys()) {
    if (!/^(src|test)\//.test(path)) continue;
    const folder = path.slice(0, path.lastIndexOf('/'));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > ceilings.folderFiles)
    .map(([folder, count]) => `${folder} has ${count} files, more than ${ceilings.folderFiles}`);
}

/** Names in `src` that say nothing, and names that are not kebab-case. */
export function nameProblems(files: Files): string[] {
  const problems = new Set<string>();
  for (const path of files.keys()) {
    if (!path.startsWith('src/')) continue;
    const parts = path.split('/');
    for (const [index, part] of parts.entries()) {
      const place = parts.slice(0, index + 1).join('/');
      if (forbiddenNames.has(part.replace(/\..*$/, ''))) problems.add(`${place} does not name a concept`);
      if (!kebabCase.test(part)) problems.add(`${place} is not kebab-case`);
    }
  }
  return [...problems];
}

const timers = new Set(['setTimeout', 'setInterval']);
const timeMembers = new Set([
  'Date.now',
  'performance.now',
  'performance.timeOrigin',
  'process.hrtime',
  'AbortSignal.timeout',
]);

function timeAt(tokens: readonly Token[], index: number): string | null {
  const at = (offset: number) => tokens[index + offset]?.text;
  const token = tokens[index];
  if (token?.kind !== 'word') return null;
  const member = (at(1) === '.' || at(1) === '?.') && `${token.text}.${at(2)}`;
  if (member && timeMembers.has(member)) return member;
  const ofSomething = (at(-1) === '.' || at(-1) === '?.') && at(-2) !== 'globalThis';
  if (timers.has(token.text) && !ofSomething && at(1) === '(') return token.text;
  if (token.text !== 'Date' || ofSomething) return null;
  if (at(-1) !== 'new') return at(1) === '(' ? 'Date()' : null;
  return at(1) !== '(' || at(2) === ')' ? 'new Date()' : null;
}

/** Time that does not come through the clock, and so can not be injected. `new Date(x)` converts and is fine. */
export function timeProblems(files: Files): string[] {
  return inSources(files, (tokens, path) => {
    if (timeFiles.includes(path)) return [];
    const imports = importsOf(tokens)
      .filter(({ from }) => /^(node:)?(timers(\/promises)?|perf_hooks)$/.test(from))
      .map(({ from, line }) => ({ line, text: `imports ${from}` }));
    const uses = tokens.flatMap((token, index) => {
      const use = timeAt(tokens, index);
      return use === null ? [] : [{ line: token.line, text: `uses ${use}: time comes from the clock` }];
    });
    return [...imports, ...uses];
  });
}
