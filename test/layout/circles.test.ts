import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { circularImports } from './circles.ts';

const root = dirname(dirname(import.meta.dirname));

/** The source files that people write, without generated code. */
function sourceFiles(): Map<string, string> {
  const paths = readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.includes('/generated/'));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

test('src has no circular imports', () => {
  const files = sourceFiles();
  expect(files.size).toBeGreaterThan(100);
  expect(circularImports(files)).toEqual([]);
});

describe('circularImports', () => {
  test('accepts files that share an import', () => {
    const files = new Map([
      ['src/a.ts', "import { b } from './b.ts';\nimport { c } from './c.ts';"],
      ['src/b.ts', "import { c } from './c.ts';"],
      ['src/c.ts', "import zod from 'zod';\nimport { absent } from './absent.ts';"],
    ]);
    expect(circularImports(files)).toEqual([]);
  });

  test('finds two files that import each other', () => {
    const files = new Map([
      ['src/a.ts', "import './folder/b.ts';"],
      ['src/folder/b.ts', "import { a } from '../a.ts';"],
    ]);
    expect(circularImports(files)).toEqual(['src/a.ts → src/folder/b.ts → src/a.ts']);
  });

  test('finds a file that imports itself', () => {
    expect(circularImports(new Map([['src/a.ts', "import { a } from './a.ts';"]]))).toEqual(['src/a.ts → src/a.ts']);
  });

  test('counts type-only and dynamic imports', () => {
    const files = new Map([
      ['src/a.ts', "import type { B } from './b.ts';"],
      ['src/b.ts', "const c = await import('./c.ts');"],
      ['src/c.ts', "import { type A } from './a.ts';"],
    ]);
    expect(circularImports(files)).toEqual(['src/a.ts → src/b.ts → src/c.ts → src/a.ts']);
  });

  test('finds a circle that does not contain the first file', () => {
    const files = new Map([
      ['src/a.ts', "import './b.ts';"],
      ['src/b.ts', "import './c.ts';"],
      ['src/c.ts', "import './b.ts';"],
    ]);
    expect(circularImports(files)).toEqual(['src/b.ts → src/c.ts → src/b.ts']);
  });
});
