import type { Token } from './tokens.ts';

/** A function with a body, from the line of its name or parameters to the line of its last brace. */
export interface FoundFunction {
  name: string;
  line: number;
  lines: number;
}

const closers: Record<string, string> = { '(': ')', '[': ']', '{': '}' };
/** Words that stand before a bracket and a brace without making a function. */
const notFunctions = new Set('if for while switch catch with await'.split(' '));
/** After these a type goes on, so a brace or bracket that follows belongs to it. */
const typeGoesOn = new Set([':', '|', '&', '=>', '<', ',', '?', 'keyof', 'is', 'extends', 'readonly', 'infer']);
/** Words of an expression that a brace may follow. */
const operators = new Set('as satisfies typeof class in of return yield await extends'.split(' '));

/** For each opening bracket its closing one, and the other way round. */
function pairsOf(tokens: readonly Token[]): Map<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'mark') continue;
    if (Object.hasOwn(closers, token.text)) open.push(index);
    else if (token.text === ')' || token.text === ']' || token.text === '}') {
      const begin = open.pop();
      if (begin === undefined || closers[tokens[begin]?.text ?? ''] !== token.text) {
        throw new Error(`line ${token.line}: "${token.text}" closes nothing`);
      }
      pairs.set(begin, index).set(index, begin);
    }
  }
  return pairs;
}

class FunctionFinder {
  private readonly tokens: readonly Token[];
  private readonly pairs: Map<number, number>;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
    this.pairs = pairsOf(tokens);
  }

  find(): FoundFunction[] {
    const found: FoundFunction[] = [];
    const arrows = new Set<number>();
    for (const index of this.tokens.keys()) {
      if (!this.isMark(index, '(')) continue;
      const begin = this.nameBefore(index);
      const after = this.pastReturnType((this.pairs.get(index) ?? index) + 1);
      if (this.isMark(after, '=>')) {
        arrows.add(after);
        found.push(this.measured('arrow function', index, this.endOfArrow(after + 1)));
      } else if (this.isMark(after, '{') && !notFunctions.has(this.text(begin))) {
        found.push(this.measured(this.text(begin), begin, this.pairs.get(after) ?? after));
      }
    }
    for (const index of this.tokens.keys()) {
      if (!this.isMark(index, '=>') || !this.isMark(index + 1, '{') || arrows.has(index)) continue;
      found.push(this.measured('arrow function', index, this.pairs.get(index + 1) ?? index));
    }
    return found;
  }

  private text(index: number): string {
    return this.tokens[index]?.text ?? '';
  }

  private isMark(index: number, text: string): boolean {
    return this.tokens[index]?.kind === 'mark' && this.text(index) === text;
  }

  private measured(name: string, begin: number, end: number): FoundFunction {
    const line = this.tokens[begin]?.line ?? 0;
    return { name, line, lines: (this.tokens[end]?.line ?? line) - line + 1 };
  }

  /** The token that names a function, before its parameters and type parameters. */
  private nameBefore(parameters: number): number {
    if (!this.isMark(parameters - 1, '>')) return parameters - 1;
    let depth = 0;
    for (let index = parameters - 1; index > 0; index--) {
      if (this.isMark(index, '>')) depth++;
      if (this.isMark(index, '<') && --depth === 0) return index - 1;
    }
    return parameters - 1;
  }

  /** The first token after a return type, or the same one where there is none. */
  private pastReturnType(index: number): number {
    if (!this.isMark(index, ':')) return index;
    let at = index + 1;
    let depth = 0;
    while (at < this.tokens.length) {
      const text = this.text(at);
      const operandComes = typeGoesOn.has(this.text(at - 1)) || depth > 0;
      const generic = this.isMark(at - 1, '>');
      if (this.tokens[at]?.kind !== 'mark') {
        if (this.isNewStatement(at)) return at;
        at++;
      } else if (Object.hasOwn(closers, text)) {
        if (text === '{' && !operandComes) return at;
        at = (this.pairs.get(at) ?? at) + 1;
        // Parameters of a function type: its arrow is not ours.
        if (text === '(' && (operandComes || generic) && this.isMark(at, '=>')) at++;
      } else if ([')', ']', '}', ';', '='].includes(text) || (depth === 0 && (text === ',' || text === '=>'))) {
        return at;
      } else {
        if (text === '<') depth++;
        if (text === '>') depth--;
        at++;
      }
    }
    return at;
  }

  /** Whether no brace of an expression can follow: then the arrow was one of a type, and a body begins. */
  private endsOperand(index: number): boolean {
    const token = this.tokens[index];
    // A string before a brace is a piece of a template.
    if (token?.kind !== 'mark') return token?.kind !== 'string' && !operators.has(this.text(index));
    return [')', ']', '>'].includes(this.text(index));
  }

  /** Whether a word comes where a type has ended: what looked like a return type was a `case` or a label. */
  private isNewStatement(index: number): boolean {
    const before = this.tokens[index - 1];
    if (this.tokens[index]?.kind !== 'word' || ['is', 'extends'].includes(this.text(index))) return false;
    return before?.kind === 'mark' && [')', ']', '}'].includes(before.text);
  }

  /** The last token of an arrow function's body: its brace, or the end of its expression. */
  private endOfArrow(body: number): number {
    if (this.isMark(body, '{')) return this.pairs.get(body) ?? body;
    let at = body;
    let conditions = 0;
    while (at < this.tokens.length) {
      const text = this.tokens[at]?.kind === 'mark' ? this.text(at) : '';
      if (text === '?') conditions++;
      if (text === ':' && conditions-- === 0) return at - 1;
      if ([',', ';', ')', ']', '}'].includes(text) || (text === '{' && this.endsOperand(at - 1))) return at - 1;
      at = Object.hasOwn(closers, text) ? (this.pairs.get(at) ?? at) + 1 : at + 1;
    }
    return at - 1;
  }
}

/** Every function, method and arrow function. An outer one is measured with those inside it. */
export function functionsOf(tokens: readonly Token[]): FoundFunction[] {
  return new FunctionFinder(tokens).find();
}
