import { posix } from 'node:path';
import { type ESTree, parseSync, Visitor, type VisitorObject } from 'vite';

export interface Import {
  from: string;
  line: number;
  /** True when the compiled file no longer has the import. */
  typesOnly: boolean;
  /** `export … from`. */
  reExport: boolean;
}

/** A parsed file and the line of each offset in it. */
interface Source {
  program: ESTree.Program;
  lineAt(offset: number): number;
}

/** Throws when the text is not valid TypeScript (or JavaScript, by the extension of the path). */
export function parseSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text);
  if (errors[0]) throw new Error(`${path} cannot be parsed: ${errors[0].message}`);
  return { program, lineAt: (offset) => text.slice(0, offset).split('\n').length };
}

/** Calls the visitor for every node of the file. */
export function visit(source: Source, visitor: VisitorObject): void {
  new Visitor(visitor).visit(source.program);
}

/** Static imports, dynamic imports with a literal path, type imports and re-exports. */
export function importsOf(source: Source): Import[] {
  const imports: Import[] = [];
  const add = (node: ESTree.Span, from: ESTree.Expression, typesOnly: boolean, reExport = false) => {
    if (from.type !== 'Literal' || typeof from.value !== 'string') return;
    imports.push({ from: from.value, line: source.lineAt(node.start), typesOnly, reExport });
  };
  visit(source, {
    ImportDeclaration(node) {
      const { specifiers, importKind } = node;
      const everyNameIsType = specifiers.every((name) => name.type === 'ImportSpecifier' && name.importKind === 'type');
      add(node, node.source, importKind === 'type' || (specifiers.length > 0 && everyNameIsType));
    },
    ImportExpression: (node) => add(node, node.source, false),
    TSImportType: (node) => add(node, node.source, true),
    ExportAllDeclaration: (node) => add(node, node.source, node.exportKind === 'type', true),
    ExportNamedDeclaration(node) {
      if (node.source) add(node, node.source, node.exportKind === 'type', true);
    },
  });
  return imports;
}

/** The path in the repository that a relative import leads to; null for a package. */
export function importedPath(path: string, from: string): string | null {
  return /^\.{1,2}(\/|$)/.test(from) ? posix.normalize(posix.join(posix.dirname(path), from)) : null;
}
