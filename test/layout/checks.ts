import type { ESTree } from 'vite';
import { type Folder, folderOf, folders, permission, timeFiles } from './folders.ts';
import { type Import, importedPath, importsOf, parseSource, visit } from './source.ts';

/** Paths in the repository, with `/`, and their contents. Each check returns its problems, one line for each. */
export type Files = ReadonlyMap<string, string>;

type Source = ReturnType<typeof parseSource>;
type Problem = { line: number; text: string };

/** Runs a check on the parsed files that `select` chooses, and prefixes each problem with path and line. */
function checkFiles(
  files: Files,
  select: (path: string) => boolean,
  check: (source: Source, path: string) => Problem[],
): string[] {
  return [...files]
    .filter(([path]) => select(path))
    .flatMap(([path, text]) =>
      check(parseSource(path, text), path).map((problem) => `${path}:${problem.line} ${problem.text}`),
    );
}

const isSource = (path: string) => path.startsWith('src/') && path.endsWith('.ts');
const isCode = (path: string) => /^(src|test|bench|\.ci)\/.*\.(ts|mjs)$/.test(path);

function importProblem(path: string, { from, typesOnly }: Import, table: readonly Folder[]): string | null {
  const imported = importedPath(path, from);
  if (imported === null) return null;
  if (!imported.startsWith('src/')) return `imports ${imported}, which is outside src`;
  const [importer, folder] = [folderOf(path), folderOf(imported)];
  const allowed = permission(importer, folder, table);
  if (allowed === 'everything' || (allowed === 'types' && typesOnly)) return null;
  return allowed === 'types'
    ? `${importer} may import only types from ${folder}`
    : `${importer} must not import ${folder}`;
}

/** Imports that the folder table does not allow, and files in a folder that it does not list. */
export function folderProblems(files: Files, table: readonly Folder[] = folders): string[] {
  return checkFiles(files, isSource, (source, path) => {
    if (!table.some(({ name }) => name === folderOf(path))) return [{ line: 1, text: 'is not in the folder table' }];
    return importsOf(source).flatMap((found) => {
      const text = importProblem(path, found, table);
      return text === null ? [] : [{ line: found.line, text }];
    });
  });
}

/** Imports of the published client from outside of `client/src`. */
export function clientProblems(files: Files): string[] {
  const isClient = (path: string) => /^client\/src\/.*\.tsx?$/.test(path);
  return checkFiles(files, isClient, (source, path) =>
    importsOf(source).flatMap(({ from, line }) => {
      const imported = importedPath(path, from);
      return imported === null || imported.startsWith('client/src/') ? [] : [{ line, text: `imports ${imported}` }];
    }),
  );
}

/** `export … from`: import a thing from the file that defines it. */
export function reExportProblems(files: Files): string[] {
  return checkFiles(files, isSource, (source) =>
    importsOf(source)
      .filter(({ reExport }) => reExport)
      .map(({ from, line }) => ({ line, text: `re-exports from ${from}` })),
  );
}

const meaninglessNames = new Set(['utils', 'helpers', 'shared', 'common', 'lib', 'types']);
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

/** Names in `src` that say nothing about the contents, and names that are not kebab-case. */
export function nameProblems(files: Files): string[] {
  const problems = new Set<string>();
  for (const path of files.keys()) {
    if (!path.startsWith('src/')) continue;
    const parts = path.split('/');
    for (const [index, part] of parts.entries()) {
      const prefix = parts.slice(0, index + 1).join('/');
      if (meaninglessNames.has(part.replace(/\..*$/, ''))) problems.add(`${prefix} does not name a concept`);
      if (!kebabCase.test(part)) problems.add(`${prefix} is not kebab-case`);
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

/** The name of a global or of one of its members: `Date`, `Date.now`, with or without `globalThis`. */
function globalName(node: ESTree.Expression): string | null {
  if (node.type === 'Identifier') return node.name;
  if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier') return null;
  const object = globalName(node.object);
  if (object === null) return null;
  return object === 'globalThis' ? node.property.name : `${object}.${node.property.name}`;
}

/** Uses of time that bypass the clock, so that tests cannot inject it. `new Date(value)` only converts. */
export function timeProblems(files: Files): string[] {
  const usesTime = (path: string) => isSource(path) && !timeFiles.includes(path);
  return checkFiles(files, usesTime, (source) => {
    const problems = importsOf(source)
      .filter(({ from }) => /^(node:)?(timers(\/promises)?|perf_hooks)$/.test(from))
      .map(({ from, line }) => ({ line, text: `imports ${from}` }));
    const add = (node: ESTree.Span, use: string) =>
      problems.push({ line: source.lineAt(node.start), text: `uses ${use} instead of the clock` });
    visit(source, {
      CallExpression(node) {
        const name = globalName(node.callee);
        if (name !== null && timers.has(name)) add(node, name);
        if (name === 'Date') add(node, 'Date()');
      },
      NewExpression(node) {
        if (globalName(node.callee) === 'Date' && node.arguments.length === 0) add(node, 'new Date()');
      },
      MemberExpression(node) {
        const name = globalName(node);
        if (name !== null && timeMembers.has(name)) add(node, name);
      },
    });
    return problems;
  });
}

/** The expression without the parentheses and type annotations around it. */
function unwrap(node: ESTree.Expression): ESTree.Expression {
  const wrapped = ['ParenthesizedExpression', 'TSAsExpression', 'TSSatisfiesExpression'];
  return wrapped.includes(node.type) && 'expression' in node && typeof node.expression === 'object'
    ? unwrap(node.expression)
    : node;
}

/**
 * `{ ...{ a, b }, c }` and `[...[a, b], c]`. Spreading an object literal turns off TypeScript's check for excess
 * properties, so a misspelt name compiles.
 */
export function spreadProblems(files: Files): string[] {
  return checkFiles(files, isCode, (source) => {
    const problems: Problem[] = [];
    const check = (element: ESTree.Node | null, literal: 'ObjectExpression' | 'ArrayExpression', text: string) => {
      if (element?.type !== 'SpreadElement' || unwrap(element.argument).type !== literal) return;
      problems.push({ line: source.lineAt(element.start), text });
    };
    visit(source, {
      ObjectExpression(node) {
        for (const property of node.properties) check(property, 'ObjectExpression', 'spreads an object literal');
      },
      ArrayExpression(node) {
        for (const element of node.elements) check(element, 'ArrayExpression', 'spreads an array literal');
      },
    });
    return problems;
  });
}
