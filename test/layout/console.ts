import { basename } from 'node:path';
import type { Files } from './checks.ts';
import { importedPath, importsOf, parseSource } from './source.ts';

const isConsole = (path: string) => /^console\/src\/.*\.tsx?$/.test(path);

/** Imports of the console from the server or from the inside of the client: it uses what any other front end can use. */
export function consoleImportProblems(files: Files): string[] {
  const packages = new Set(Object.keys(manifestOf(files).devDependencies));
  return [...files]
    .filter(([path]) => isConsole(path))
    .flatMap(([path, text]) =>
      importsOf(parseSource(basename(path), text)).flatMap(({ from, line }) => {
        const imported = importedPath(path, from);
        const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/');
        const isOwn = imported === null ? packages.has(name) : imported.startsWith('console/src/');
        return isOwn ? [] : [`${path}:${line} imports ${from}, which is neither the console's own nor a package of it`];
      }),
    );
}

/** Ways to write text into the page as HTML. */
export function consoleHtmlProblems(files: Files): string[] {
  const unsafe = /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|rehype-?[Rr]aw/;
  return [...files]
    .filter(([path, text]) => isConsole(path) && unsafe.test(text))
    .map(([path]) => `${path} writes HTML; text of models, tools and users must stay text`);
}

function manifestOf(files: Files): { devDependencies: Record<string, string> } {
  return JSON.parse(files.get('console/package.json') ?? '{"devDependencies":{}}') as never;
}
