import { importedPath, importsOf, parseSource } from './source.ts';

/**
 * Finds imports through which a file imports itself, type-only imports included. Each line names the files of one circle, for
 * example `src/a.ts → src/b.ts → src/a.ts`. If circles share files, it finds at least one of them.
 *
 * @param files contents by path; imports of other files are ignored
 */
export function circularImports(files: ReadonlyMap<string, string>): string[] {
  const circles: string[] = [];
  const visited = new Set<string>();
  const path: string[] = [];

  function visit(file: string): void {
    const start = path.indexOf(file);
    if (start >= 0) circles.push([...path.slice(start), file].join(' → '));
    if (visited.has(file)) return;
    visited.add(file);
    path.push(file);
    for (const imported of importedFiles(file, files.get(file) ?? '')) if (files.has(imported)) visit(imported);
    path.pop();
  }

  for (const file of files.keys()) visit(file);
  return circles;
}

function importedFiles(file: string, content: string): string[] {
  return importsOf(parseSource(file, content)).flatMap(({ from }) => importedPath(file, from) ?? []);
}
