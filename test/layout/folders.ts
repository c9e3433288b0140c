/**
 * The folder table of docs/architecture.md, from the bottom up. An entry is a folder of `src/` or a file directly in it.
 * `imports` lists what it may import; `'journal types'` allows only type imports from journal. `'everything above'` means
 * every entry listed before this one, minus `except`. `'everything'` is for the composition root alone.
 */
export interface Folder {
  name: string;
  imports: readonly string[] | 'everything above' | 'everything';
  except?: readonly string[];
}

export const folders: readonly Folder[] = [
  { name: 'ids', imports: [] },
  { name: 'clock', imports: [] },
  { name: 'logger', imports: [] },
  { name: 'worker', imports: [] },
  { name: 'bounded-cache', imports: [] },
  { name: 'json-size', imports: [] },
  { name: 'config', imports: [] },
  { name: 'domain', imports: ['ids'] },
  { name: 'observer', imports: ['domain'] },
  { name: 'database', imports: ['config', 'logger', 'clock', 'worker'] },
  { name: 'journal', imports: ['domain', 'ids', 'clock', 'observer', 'database', 'config'] },
  { name: 'projections', imports: ['domain', 'ids', 'database', 'journal types'] },
  { name: 'repositories', imports: ['domain', 'ids', 'database'] },
  { name: 'attachments', imports: ['domain', 'config'] },
  {
    name: 'run-store',
    imports: ['domain', 'journal', 'projections', 'repositories', 'database', 'ids', 'clock'],
  },
  { name: 'streams', imports: ['domain', 'ids', 'journal', 'database', 'clock', 'observer'] },
  { name: 'policy', imports: ['domain', 'clock', 'worker', 'config'] },
  { name: 'models', imports: ['domain', 'ids', 'clock', 'config'] },
  {
    name: 'tools',
    imports: ['domain', 'ids', 'clock', 'worker', 'bounded-cache', 'json-size', 'config', 'repositories'],
  },
  {
    name: 'context',
    imports: ['domain', 'ids', 'clock', 'config', 'database types', 'journal', 'projections', 'repositories', 'models'],
  },
  { name: 'application', imports: 'everything above', except: ['models'] },
  { name: 'orchestrator', imports: 'everything above' },
  {
    name: 'graphql',
    imports: [
      'application',
      'streams',
      'projections',
      'repositories',
      'domain',
      'ids',
      'config',
      'tools types',
      'models types',
    ],
  },
  {
    name: 'observation',
    imports: [
      'domain',
      'ids',
      'clock',
      'logger',
      'observer',
      'config',
      'journal types',
      'projections types',
      'models types',
    ],
  },
  { name: 'server', imports: 'everything' },
  { name: 'main', imports: ['server', 'config', 'clock'] },
];

/** The files that may read the time or set a timer. */
export const timeFiles: readonly string[] = ['src/clock.ts'];

/** The table entry that a file of `src/` belongs to. */
export function folderOf(path: string): string {
  const [, first = ''] = path.split('/');
  return first.replace(/\.ts$/, '');
}

/** Whether one folder may import another: everything, types only, or nothing. */
export function permission(
  from: string,
  to: string,
  table: readonly Folder[] = folders,
): 'everything' | 'types' | 'nothing' {
  if (from === to) return 'everything';
  const index = table.findIndex(({ name }) => name === from);
  const folder = table[index];
  if (!folder || !table.some(({ name }) => name === to)) return 'nothing';
  if (folder.except?.includes(to)) return 'nothing';
  if (folder.imports === 'everything') return 'everything';
  if (folder.imports === 'everything above') {
    return table.slice(0, index).some(({ name }) => name === to) ? 'everything' : 'nothing';
  }
  if (folder.imports.includes(to)) return 'everything';
  return folder.imports.includes(`${to} types`) ? 'types' : 'nothing';
}

/** Entries of the table that name an unknown folder, or one that is listed below them. */
export function tableProblems(table: readonly Folder[] = folders): string[] {
  const problems: string[] = [];
  for (const [index, folder] of table.entries()) {
    if (typeof folder.imports === 'string') continue;
    const above = table.slice(0, index).map(({ name }) => name);
    for (const entry of folder.imports) {
      const name = entry.replace(/ types$/, '');
      if (!above.includes(name)) problems.push(`${folder.name} may import ${name}, which is not listed above it`);
    }
  }
  return problems;
}
