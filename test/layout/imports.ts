import { posix } from 'node:path';
import type { Token } from './tokens.ts';

export interface Import {
  from: string;
  line: number;
  /** Vanishes when compiled. */
  typesOnly: boolean;
  /** `export … from`: passes on what another file defines. */
  passedOn: boolean;
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === 'mark' && token.text === text;
}

/** Whether each name between the braces of an import is marked `type`. */
function namesOnlyTypes(clause: readonly Token[]): boolean {
  if (!isMark(clause[0], '{')) return false;
  const names: Token[][] = [[]];
  for (const token of clause.slice(1, -1)) isMark(token, ',') ? names.push([]) : names.at(-1)?.push(token);
  const written = names.filter((name) => name.length > 0);
  return written.length > 0 && written.every(([first, second]) => first?.text === 'type' && second !== undefined);
}

/** The import that begins at `index`, where one does. */
function importAt(tokens: readonly Token[], index: number): Import | null {
  const token = tokens[index];
  if (token?.kind !== 'word' || isMark(tokens[index - 1], '.')) return null;
  if (token.text !== 'import' && token.text !== 'export') return null;
  const [next, afterNext] = tokens.slice(index + 1, index + 3);
  const passedOn = token.text === 'export';
  if (!passedOn && isMark(next, '(')) {
    const typesOnly = tokens[index - 1]?.text === 'typeof';
    const literal = afterNext?.kind === 'string' && (isMark(tokens[index + 3], ')') || isMark(tokens[index + 3], ','));
    return literal ? { from: afterNext.text, line: token.line, typesOnly, passedOn } : null;
  }
  if (!passedOn && next?.kind === 'string') return { from: next.text, line: token.line, typesOnly: false, passedOn };
  const typeWord = next?.text === 'type' && afterNext?.text !== 'from' && !isMark(afterNext, ',');
  const begin = index + (typeWord ? 2 : 1);
  if (passedOn && !isMark(tokens[begin], '{') && !isMark(tokens[begin], '*')) return null;
  let at = begin;
  while (at < tokens.length && !(tokens[at]?.text === 'from' && tokens[at + 1]?.kind === 'string')) {
    // `export { a };` and `import.meta` lead to no module.
    if (isMark(tokens[at], ';') || isMark(tokens[at], '.') || isMark(tokens[at], '=')) return null;
    at++;
  }
  const from = tokens[at + 1]?.text;
  if (from === undefined) return null;
  const typesOnly = typeWord || namesOnlyTypes(tokens.slice(begin, at));
  return { from, line: token.line, typesOnly, passedOn };
}

/** Static imports, dynamic ones with a literal address, and re-exports. */
export function importsOf(tokens: readonly Token[]): Import[] {
  return [...tokens.keys()].map((index) => importAt(tokens, index)).filter((found) => found !== null);
}

/** The path in the repository that a relative import leads to; null for a package. */
export function importedPath(path: string, from: string): string | null {
  return /^\.{1,2}(\/|$)/.test(from) ? posix.normalize(posix.join(posix.dirname(path), from)) : null;
}
