import type { PolicyJson, Type } from '@cedar-policy/cedar-wasm/nodejs';

/**
 * The type of `context.input`, inferred from its use in one rule.
 *
 * Cedar checks a rule against declared types, but inputs have as many types as there are tools, and tools come and go. So a rule
 * declares by its use what it expects: `context.input.path like "…"` a String, `context.input.count < 3` a Long. The rest of the
 * rule can then be checked when the file is read. If the input of a call has another type, the evaluation of the rule fails,
 * and a failed evaluation never allows a call.
 */
export function inputType({ conditions }: PolicyJson): Type<string> {
  const shape = createShape();
  for (const { body } of conditions) visit(shape, body, 'Boolean');
  return shape.record();
}

/** The type that the operator around an expression expects. Null if it expects none. */
type Hint = 'Boolean' | 'Long' | 'String' | { setOf: Hint } | null;
type Operands = Readonly<Record<string | number, unknown>>;

const numeric = new Set(['<', '<=', '>', '>=', '+', '-', '*', 'neg']);
const logical = new Set(['&&', '||', '!']);

function visit(shape: Shape, expression: unknown, hint: Hint): void {
  const path = pathInInput(expression);
  if (path !== null) {
    shape.add(path, hint);
    return;
  }
  const [operator, operands] = operatorAndOperands(expression);
  if (operands === null) return;
  if (operator === 'has') {
    addTested(shape, operands);
    return;
  }
  for (const [position, operand] of Object.entries(operands))
    visit(shape, operand, hintFor(operator, position, operands, hint));
}

/** `context.input has a.b`: there is `b` in `a`, both of unknown type. */
function addTested(shape: Shape, { left, attr }: Operands): void {
  const path = pathInInput(left);
  const names = Array.isArray(attr) ? attr : [attr];
  if (path === null) visit(shape, left, null);
  else shape.add([...path, ...names.map(String)], null);
}

/** The type that an operator expects of the operand at this position. */
function hintFor(operator: string, position: string, operands: Operands, hint: Hint): Hint {
  const other = literalType(position === 'left' ? operands.right : operands.left);
  if (numeric.has(operator)) return 'Long';
  if (logical.has(operator)) return 'Boolean';
  switch (operator) {
    case 'like':
      return 'String';
    case 'if-then-else':
      return position === 'if' ? 'Boolean' : hint;
    case '==':
    case '!=':
    case 'containsAll':
    case 'containsAny':
      return other ?? (operator.startsWith('contains') ? { setOf: 'String' } : null);
    case 'contains':
      if (position === 'left') return { setOf: other ?? 'String' };
      return typeof other === 'object' && other !== null ? other.setOf : null;
    case 'isEmpty':
      return { setOf: 'String' };
    default:
      return null;
  }
}

/** Null for an expression that is not a literal. */
function literalType(expression: unknown): Hint {
  const [operator, operands] = operatorAndOperands(expression);
  if (operator === 'Set') return { setOf: literalType(operands?.[0]) };
  if (operator !== 'Value' || typeof expression !== 'object' || expression === null) return null;
  const value = 'Value' in expression ? expression.Value : null;
  if (typeof value === 'string') return 'String';
  if (typeof value === 'number') return 'Long';
  return typeof value === 'boolean' ? 'Boolean' : null;
}

/** The attribute names after `context.input`; empty for `context.input` itself, null for any other expression. */
function pathInInput(expression: unknown): string[] | null {
  const [operator, operands] = operatorAndOperands(expression);
  if (operator !== '.' || operands === null || typeof operands.attr !== 'string') return null;
  if (operands.attr === 'input' && isContext(operands.left)) return [];
  const parent = pathInInput(operands.left);
  return parent && [...parent, operands.attr];
}

function isContext(expression: unknown): boolean {
  return typeof expression === 'object' && expression !== null && 'Var' in expression && expression.Var === 'context';
}

/** In Cedar's JSON an expression is an object with one key, its operator. Operands in an array are keyed by their index. */
function operatorAndOperands(expression: unknown): [operator: string, operands: Operands | null] {
  if (typeof expression !== 'object' || expression === null) return ['', null];
  const [[operator, operands] = ['', null]] = Object.entries(expression);
  return [operator, typeof operands === 'object' && operands !== null ? { ...operands } : null];
}

interface Shape {
  add(path: readonly string[], hint: Hint): void;
  type(): Type<string>;
  record(): Type<string>;
}

/** A tree of attributes. A node with attributes is a record; any other has the type of its first hint. */
function createShape(): Shape {
  const attributes = new Map<string, Shape>();
  let firstHint: Hint = null;
  const record = (): Type<string> => ({
    type: 'Record',
    attributes: Object.fromEntries([...attributes].map(([name, child]) => [name, child.type()])),
  });
  return {
    record,
    type: () => (attributes.size === 0 ? typeOf(firstHint) : record()),
    add([name, ...rest], hint) {
      if (name === undefined) {
        firstHint ??= hint;
        return;
      }
      const child = attributes.get(name) ?? createShape();
      attributes.set(name, child);
      child.add(rest, hint);
    },
  };
}

function typeOf(hint: Hint): Type<string> {
  if (hint === null) return { type: 'String' };
  return typeof hint === 'string' ? { type: hint } : { type: 'Set', element: typeOf(hint.setOf) };
}
