/**
 * The room table of DESIGN.md section 2, in its order. A room is a folder of `src/` or a file directly in it.
 * A line names the rooms that may be imported; `'journal types'` allows only `import type` from journal.
 * `'everything above'` leaves out what `except` names. `'everything'` is for the composition root alone.
 */
export interface Room {
  name: string;
  imports: readonly string[] | 'everything above' | 'everything';
  except?: readonly string[];
}

export const rooms: readonly Room[] = [
  { name: 'ids', imports: [] },
  { name: 'clock', imports: [] },
  { name: 'logger', imports: [] },
  { name: 'config', imports: [] },
  { name: 'domain', imports: ['ids'] },
  { name: 'database', imports: ['config', 'logger', 'clock'] },
  { name: 'journal', imports: ['domain', 'ids', 'clock', 'database', 'config'] },
  { name: 'projections', imports: ['domain', 'ids', 'database', 'journal types'] },
  { name: 'repositories', imports: ['domain', 'ids', 'database'] },
  {
    name: 'run-store',
    imports: ['domain', 'journal', 'projections', 'repositories', 'database', 'ids', 'clock'],
  },
  { name: 'streams', imports: ['domain', 'ids', 'journal', 'database', 'clock'] },
  { name: 'policy', imports: ['domain', 'config'] },
  { name: 'models', imports: ['domain', 'ids', 'clock', 'config'] },
  { name: 'tools', imports: ['domain', 'ids', 'clock', 'config', 'repositories'] },
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
  { name: 'server', imports: 'everything' },
  { name: 'main', imports: ['server', 'config'] },
];

/** The files that may read the time or set a timer. */
export const timeFiles: readonly string[] = ['src/clock.ts'];

/** The room a file of `src/` belongs to. */
export function roomOf(path: string): string {
  const [, first = ''] = path.split('/');
  return first.replace(/\.ts$/, '');
}

/** Whether a room may import another: freely, its types only, or not at all. */
export function allowance(from: string, to: string, table: readonly Room[] = rooms): 'all' | 'types' | 'none' {
  if (from === to) return 'all';
  const index = table.findIndex((room) => room.name === from);
  const room = table[index];
  if (!room || !table.some((other) => other.name === to)) return 'none';
  if (room.except?.includes(to)) return 'none';
  if (room.imports === 'everything') return 'all';
  if (room.imports === 'everything above') {
    return table.slice(0, index).some((other) => other.name === to) ? 'all' : 'none';
  }
  if (room.imports.includes(to)) return 'all';
  return room.imports.includes(`${to} types`) ? 'types' : 'none';
}

/** What is wrong with the table itself: lines that name no room, or one that stands below. */
export function tableProblems(table: readonly Room[] = rooms): string[] {
  const problems: string[] = [];
  for (const [index, room] of table.entries()) {
    if (typeof room.imports === 'string') continue;
    const above = table.slice(0, index).map((other) => other.name);
    for (const entry of room.imports) {
      const name = entry.replace(/ types$/, '');
      if (!above.includes(name)) problems.push(`${room.name} names ${name}, which does not stand above it`);
    }
  }
  return problems;
}
