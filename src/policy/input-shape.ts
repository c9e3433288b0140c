import type { PolicyJson, Type } from '@cedar-policy/cedar-wasm/nodejs';

/**
 * Types of `context.input`, read from what one rule does with it.
 *
 * Cedar checks a rule against declared types, and inputs have as many types as there are tools, some of which come and go.
 * So each rule declares by its use what it expects: `context.input.path like "…"` a String, `context.input.count < 3` a Long.
 * That lets everything else in the rule be checked before it counts. A call whose input is otherwise is an error of
 * evaluation, and these never allow.
 */
export function inputType({ conditions }: PolicyJson): Type<string> {
  const shape = createShape();
  for (const { body } of conditions) visit(shape, body, 'Boolean');
  return shape.record();
}

/** What an expression must be, as far as its surroundings say. */
type Hint = 'Boolean' | 'Long' | 'String' | { setOf: Hint } | null;
type Operands = Readonly<Record<string | number, unknown>>;

const numeric = new Set(['<', '<=', '>', '>=', '+', '-', '*', 'neg']);
const logical = new Set(['&&', '||', '!']);

function visit(shape: Shape, expression: unknown, hint: Hint): void {
  const path = pathInInput(expression);
  if (path !== null) {
    shape.note(path, hint);
    return;
  }
  const [operator, operands] = parts(expression);
  if (operands === null) return;
  if (operator === 'has') {
    noteAsked(shape, operands);
    return;
  }
  for (const [place, operand] of Object.entries(operands))
    visit(shape, operand, hintFor(operator, place, operands, hint));
}

/** `context.input has a.b` tells that there is `b` in `a`, and of what type neither is. */
function noteAsked(shape: Shape, { left, attr }: Operands): void {
  const owner = pathInInput(left);
  const names = Array.isArray(attr) ? attr : [attr];
  if (owner === null) visit(shape, left, null);
  else shape.note([...owner, ...names.map(String)], null);
}

/** What an operator wants of the operand at this place. */
function hintFor(operator: string, place: string, operands: Operands, hint: Hint): Hint {
  const other = hintOf(place === 'left' ? operands.right : operands.left);
  if (numeric.has(operator)) return 'Long';
  if (logical.has(operator)) return 'Boolean';
  switch (operator) {
    case 'like':
      return 'String';
    case 'if-then-else':
      return place === 'if' ? 'Boolean' : hint;
    case '==':
    case '!=':
    case 'containsAll':
    case 'containsAny':
      return other ?? (operator.startsWith('contains') ? { setOf: 'String' } : null);
    case 'contains':
      if (place === 'left') return { setOf: other ?? 'String' };
      return typeof other === 'object' && other !== null ? other.setOf : null;
    case 'isEmpty':
      return { setOf: 'String' };
    default:
      return null;
  }
}

/** What a literal is; null for whatever else. */
function hintOf(expression: unknown): Hint {
  const [operator, operands] = parts(expression);
  if (operator === 'Set') return { setOf: hintOf(operands?.[0]) };
  if (operator !== 'Value' || typeof expression !== 'object' || expression === null) return null;
  const value = 'Value' in expression ? expression.Value : null;
  if (typeof value === 'string') return 'String';
  if (typeof value === 'number') return 'Long';
  return typeof value === 'boolean' ? 'Boolean' : null;
}

/** The attributes from `context.input` down; null for what does not lie there, and for the whole input. */
function pathInInput(expression: unknown): string[] | null {
  const [operator, operands] = parts(expression);
  if (operator !== '.' || operands === null || typeof operands.attr !== 'string') return null;
  if (operands.attr === 'input' && isContext(operands.left)) return [];
  const above = pathInInput(operands.left);
  return above && [...above, operands.attr];
}

function isContext(expression: unknown): boolean {
  return typeof expression === 'object' && expression !== null && 'Var' in expression && expression.Var === 'context';
}

/** An expression is an object whose only key is its operator. Operands in a list stand under their numbers. */
function parts(expression: unknown): [operator: string, operands: Operands | null] {
  if (typeof expression !== 'object' || expression === null) return ['', null];
  const [[operator, operands] = ['', null]] = Object.entries(expression);
  return [operator, typeof operands === 'object' && operands !== null ? { ...operands } : null];
}

interface Shape {
  note(path: readonly string[], hint: Hint): void;
  type(): Type<string>;
  record(): Type<string>;
}

/** Attributes by name; a place with attributes is a record, any other is what was noted first. */
function createShape(): Shape {
  const attributes = new Map<string, Shape>();
  let noted: Hint = null;
  const record = (): Type<string> => ({
    type: 'Record',
    attributes: Object.fromEntries([...attributes].map(([name, inner]) => [name, inner.type()])),
  });
  return {
    record,
    type: () => (attributes.size === 0 ? typeOf(noted) : record()),
    note([name, ...rest], hint) {
      if (name === undefined) {
        noted ??= hint;
        return;
      }
      const inner = attributes.get(name) ?? createShape();
      attributes.set(name, inner);
      inner.note(rest, hint);
    },
  };
}

function typeOf(hint: Hint): Type<string> {
  if (hint === null) return { type: 'String' };
  return typeof hint === 'string' ? { type: hint } : { type: 'Set', element: typeOf(hint.setOf) };
}
