import { expect, test } from 'vitest';
import { selectTools } from '../../../src/tools/toolbox.ts';

const tools = [
  { name: 'clock', source: 'builtin' },
  { name: 'memory_search', source: 'builtin' },
  { name: 'tickets__list', source: 'tickets' },
  { name: 'tickets__close', source: 'tickets' },
  { name: 'odd_1a2b3c4d', source: 'github.com/*/odd' },
];

test.each<[selection: string[] | null, names: string[]]>([
  [null, ['clock', 'memory_search', 'tickets__list', 'tickets__close', 'odd_1a2b3c4d']],
  [[], []],
  [['clock'], ['clock']],
  [['tickets/*'], ['tickets__list', 'tickets__close']],
  [
    ['tickets/*', 'memory_search', 'memory_search'],
    ['memory_search', 'tickets__list', 'tickets__close'],
  ],
  [['builtin/*'], ['clock', 'memory_search']],
  [['github.com/*/odd/*'], ['odd_1a2b3c4d']],
  [['*', '/*', 'tick*', 'tickets/list', 'tickets__*', 'TICKETS/*', 'builtin'], []],
])('the selection %j has the tools %j', (selection, names) => {
  expect(selectTools(tools, selection).map(({ name }) => name)).toEqual(names);
});
