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
  for (const { body } of conditions) visit(shape, body as Expression, 'Boolean');
  return shape.record();
}

/**
 * An expression in Cedar's JSON: an object whose only member is its operator with the operands. Operands in an array are keyed
 * by their index.
 */
interface Expression {
  readonly [operator: string]: unknown;
  readonly Var?: string;
  readonly Value?: unknown;
  readonly Set?: readonly Expression[];
  readonly '.'?: { readonly left: Expression; readonly attr: string };
  readonly has?: { readonly left: Expression; readonly attr: string | readonly string[] };
}
type Operands = Readonly<Record<string, Expression>>;

/** The type that the operator around an expression expects. Null if it expects none. */
type Hint = 'Boolean' | 'Long' | 'String' | { setOf: Hint } | null;

const numeric = new Set(['<', '<=', '>', '>=', '+', '-', '*', 'neg']);
const logical = new Set(['&&', '||', '!']);

function visit(shape: Shape, expression: Expression, hint: Hint): void {
  const path = pathInInput(expression);
  if (path !== null) shape.add(path, hint);
  else if (expression.has) addTested(shape, expression.has);
  else {
    for (const [operator, value] of Object.entries(expression)) {
      const operands = operandsOf(value);
      for (const [position, operand] of Object.entries(operands)) {
        visit(shape, operand, hintFor(operator, position, operands, hint));
      }
    }
  }
}

/** Without names and literal values, which are no expressions. */
function operandsOf(value: unknown): Operands {
  const members = Object.entries(value as Operands);
  return Object.fromEntries(members.filter(([, operand]) => typeof operand === 'object'));
}

/** `context.input has a.b`: there is `b` in `a`, both of unknown type. */
function addTested(shape: Shape, { left, attr }: NonNullable<Expression['has']>): void {
  const path = pathInInput(left);
  if (path === null) visit(shape, left, null);
  else shape.add(path.concat(attr), null);
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
      return other;
    case 'containsAll':
    case 'containsAny':
      return other ?? { setOf: 'String' };
    case 'contains':
      return position === 'left' ? { setOf: other ?? 'String' } : literalType(operands.left?.Set?.[0]);
    case 'isEmpty':
      return { setOf: 'String' };
    default:
      return null;
  }
}

/** Null for an expression that is not a literal. */
function literalType(expression: Expression | undefined): Hint {
  if (expression?.Set) return { setOf: literalType(expression.Set[0]) };
  switch (typeof expression?.Value) {
    case 'string':
      return 'String';
    case 'number':
      return 'Long';
    case 'boolean':
      return 'Boolean';
    default:
      return null;
  }
}

/** The attribute names after `context.input`; empty for `context.input` itself, null for any other expression. */
function pathInInput({ '.': access }: Expression): string[] | null {
  if (!access) return null;
  const { left, attr } = access;
  if (attr === 'input' && left.Var === 'context') return [];
  const parent = pathInInput(left);
  return parent && [...parent, attr];
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
