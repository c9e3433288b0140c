import fc from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from 'graphql';
import { schema } from '../../../../src/graphql/schema.ts';

/** Texts that often break programs. */
const oddTexts = [
  '',
  '\0',
  '\ud800',
  '\u202e',
  '𝕏'.repeat(50),
  "'; DROP TABLE run; --",
  '%',
  '_',
  '../../etc/passwd',
  '{{x}}',
  'run_00000000000000000000000000',
  'ses_',
  'apr_01JD',
  'null',
  '-1',
  'e\u0301\u0301',
  '\r\n',
];
const oddNumbers = [0, -1, 1, 2, 100, 101, 2 ** 31 - 1, -(2 ** 31)];

/** Mostly valid documents with unusual values. */
export function randomDocument(): fc.Arbitrary<string> {
  const roots = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({ type, field })),
  );
  return fc.infiniteStream(fc.nat({ max: 2 ** 30 })).map((stream) => {
    const draw = (below: number) => (stream.next().value ?? 0) % below;
    const { type, field } = roots[draw(roots.length)] ?? {};
    const operation = type === schema.getMutationType() ? 'mutation' : 'query';
    return field
      ? `${operation} { ${field.name}${argumentsText(draw, field.args)}${selection(draw, field.type, 4)} }`
      : '';
  });
}

type Draw = (below: number) => number;

function argumentsText(draw: Draw, args: readonly GraphQLArgument[]): string {
  const given = args.filter((arg) => isRequiredArgument(arg) || draw(2) === 0);
  return given.length === 0 ? '' : `(${given.map(({ name, type }) => `${name}: ${value(draw, type)}`).join(', ')})`;
}

function value(draw: Draw, type: GraphQLInputType): string {
  const own = getNullableType(type);
  if (draw(40) === 0) return ['null', '7', '"wrong"', '{}', '[]', 'TRUE'][draw(6)] ?? 'null';
  if (isListType(own)) return `[${Array.from({ length: draw(4) }, () => value(draw, own.ofType)).join(', ')}]`;
  if (isEnumType(own)) return own.getValues()[draw(own.getValues().length)]?.name ?? '';
  if (isInputObjectType(own)) {
    const fields = Object.values(own.getFields()).filter((field) => isRequiredInputField(field) || draw(2) === 0);
    return `{${fields.map((field) => `${field.name}: ${value(draw, field.type)}`).join(', ')}}`;
  }
  if (own.name === 'Boolean') return draw(2) === 0 ? 'true' : 'false';
  if (own.name === 'Int') return String(oddNumbers[draw(oddNumbers.length)]);
  if (own.name === 'JSON')
    return (
      ['{}', '[]', '{a: {b: [1, null, "x"]}}', '"text"', '1.5e300', 'null', '{__proto__: {x: 1}}'][draw(7)] ?? '{}'
    );
  return JSON.stringify(oddTexts[draw(oddTexts.length)] ?? '');
}

function selection(draw: Draw, type: GraphQLOutputType, levels: number): string {
  const named = getNamedType(type);
  if (isUnionType(named) || isInterfaceType(named)) {
    const possible = schema.getPossibleTypes(named);
    const one = possible[draw(possible.length)];
    return ` { __typename ${one ? `... on ${one.name}${selection(draw, one, levels)}` : ''} }`;
  }
  if (!isObjectType(named)) return '';
  const fields = Object.values(named.getFields()).filter(
    (field) => (levels > 1 || !isObjectType(getNamedType(field.type))) && draw(3) !== 0,
  );
  const parts = fields.map(
    (field) => `${field.name}${argumentsText(draw, field.args)}${selection(draw, field.type, levels - 1)}`,
  );
  return ` { __typename ${parts.join(' ')} }`;
}
