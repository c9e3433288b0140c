/**
 * Cuts TypeScript into tokens, well enough to find imports, words and function bodies: the compiler in use has no API.
 * Comments vanish. The code in `${}` of a template is cut like any other; the text around it becomes string tokens.
 */
export interface Token {
  kind: 'word' | 'number' | 'string' | 'regex' | 'mark';
  /** The text as written; for a string what is between the quotes. */
  text: string;
  /** From 1. */
  line: number;
}

/** After these a slash begins a regular expression, not a division. */
const wordsBeforeRegex = new Set(
  'return typeof case in of delete void throw new instanceof else do await yield'.split(' '),
);
const wordsBeforeCondition = new Set(['if', 'while', 'for', 'with']);
const marks = ['=>', '...', '++', '--', '?.', '&&=', '||=', '??=', '&&', '||', '??', '==='];

const space = /\s+/y;
const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const word = /[\p{ID_Start}$_#][\p{ID_Continue}$]*/uy;
const number = /\d(?:[\w.]|(?<=[eE])[+-])*/y;
const quoted = /'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*"/y;
const templatePiece = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(`|\$\{)/y;
const regex = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y;

class Cutter {
  readonly tokens: Token[] = [];
  private readonly source: string;
  private position = 0;
  private line = 1;
  /** For each open bracket: what stood before it, and whether it is the `${` of a template. */
  private readonly open: { before: Token | undefined; template: boolean }[] = [];
  /** What stood before the bracket that closed last. */
  private beforeClosed: Token | undefined;

  constructor(source: string) {
    this.source = source;
  }

  cut(): Token[] {
    while (this.position < this.source.length) this.next();
    return this.tokens;
  }

  private next(): void {
    if (this.take(space) !== null || this.take(comment) !== null) return;
    const rest = this.source[this.position];
    if (rest === '`') {
      this.position++;
      this.template();
    } else if (rest === '}' && this.open.at(-1)?.template) {
      this.mark('}');
      this.template();
    } else if (this.add('word', word) || this.add('number', number) || this.add('string', quoted, 1)) {
      return;
    } else if (!(rest === '/' && this.regexMayBegin() && this.add('regex', regex))) {
      this.mark(marks.find((mark) => this.source.startsWith(mark, this.position)) ?? rest ?? '');
    }
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.position;
    const text = pattern.exec(this.source)?.[0] ?? null;
    if (text === null) return null;
    this.position += text.length;
    for (const character of text) if (character === '\n') this.line++;
    return text;
  }

  private add(kind: Token['kind'], pattern: RegExp, quotes = 0): boolean {
    const line = this.line;
    const text = this.take(pattern);
    if (text === null) return false;
    this.tokens.push({ kind, text: text.slice(quotes, text.length - quotes), line });
    return true;
  }

  private mark(text: string): void {
    if (text === '(' || text === '[' || text === '{') this.open.push({ before: this.tokens.at(-1), template: false });
    if (text === ')' || text === ']' || text === '}') this.beforeClosed = this.open.pop()?.before;
    this.tokens.push({ kind: 'mark', text, line: this.line });
    this.position += text.length;
  }

  private template(): void {
    const line = this.line;
    const text = this.take(templatePiece);
    if (text === null) throw new Error(`A template that begins on line ${line} does not end.`);
    const opens = text.endsWith('${');
    this.tokens.push({ kind: 'string', text: text.slice(0, opens ? -2 : -1), line });
    if (!opens) return;
    this.open.push({ before: undefined, template: true });
    this.tokens.push({ kind: 'mark', text: '{', line: this.line });
  }

  private regexMayBegin(): boolean {
    const last = this.tokens.at(-1);
    if (!last) return true;
    if (last.kind === 'word') return wordsBeforeRegex.has(last.text);
    if (last.kind !== 'mark') return false;
    if (last.text === ')') return wordsBeforeCondition.has(this.beforeClosed?.text ?? '');
    return !['}', ']', '++', '--'].includes(last.text);
  }
}

export function tokensOf(source: string): Token[] {
  return new Cutter(source.startsWith('#!') ? `//${source}` : source).cut();
}
