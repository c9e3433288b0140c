import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyRequest } from './policy.ts';

/** A part of a call that rules reach through `context`. Every rule can look at the other parts: principal, agent and tool. */
export type CallPart = 'session' | 'message' | 'input';

const everyPart: readonly CallPart[] = ['session', 'message', 'input'];

/** The parts that an attribute of `context` is about. */
const partsOfAttribute = new Map<string, readonly CallPart[]>([
  ['agent', []],
  ['session', ['session']],
  ['message', ['message']],
  ['input', ['input']],
  ['url', ['input']],
  ['path', ['input']],
]);

/** Entities of these types are the same whatever the other parts are. */
const otherEntities = new Set(['Principal', 'Agent', 'Tool', 'Action']);

/**
 * The parts of a call that the conditions of a rule can tell apart. A condition that uses `context` or an entity in another way than is
 * known here uses every part.
 */
export function usedParts({ conditions }: PolicyJson): Set<CallPart> {
  return new Set(conditions.flatMap(({ body }) => partsIn(body)));
}

/** @param node an expression in Cedar's JSON, or a part of one */
function partsIn(node: unknown): readonly CallPart[] {
  if (typeof node !== 'object' || node === null) return [];
  const attribute = attributeOfContext(node);
  if (attribute !== null) return partsOfAttribute.get(attribute) ?? everyPart;
  const { Var: variable, __entity: entity } = node as { Var?: unknown; __entity?: { type?: unknown } };
  if (variable === 'context') return everyPart;
  if (entity !== undefined && !otherEntities.has(String(entity.type))) return everyPart;
  return Object.values(node).flatMap(partsIn);
}

/** The attribute of `context` that an expression reads or tests for. Null for any other expression. */
function attributeOfContext(expression: object): string | null {
  const { '.': access, has } = expression as Record<string, { left?: { Var?: unknown }; attr?: unknown } | undefined>;
  const { left, attr } = access ?? has ?? {};
  const name = Array.isArray(attr) ? attr[0] : attr;
  return left?.Var === 'context' && typeof name === 'string' ? name : null;
}

/** The request with nothing in the parts that no rule uses, so that calls which the rules cannot tell apart are equal. */
export function withoutUnused(request: PolicyRequest, used: ReadonlySet<CallPart>): PolicyRequest {
  return {
    ...request,
    session: used.has('session') ? request.session : { id: '', key: '', metadata: {} },
    message: used.has('message') ? request.message : { metadata: {} },
    input: used.has('input') ? request.input : {},
  };
}
