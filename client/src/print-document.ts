/** A node of a parsed GraphQL document, as graphql-js and its tags write it. */
interface AstNode {
  readonly kind: string;
  readonly [member: string]: unknown;
}

export interface DocumentNode {
  readonly kind: 'Document';
  readonly definitions: readonly unknown[];
}

/**
 * How a node is printed: its members, with what stands before and after each of them. A member that is missing or empty is left out,
 * with both. The printer of graphql-js would be as large as a fifth of this package.
 */
const layouts: Readonly<Record<string, string>> = {
  Document: 'definitions',
  OperationDefinition: 'operation| name|(variableDefinitions)| directives|selectionSet',
  FragmentDefinition: 'fragment name| on typeCondition| directives|selectionSet',
  VariableDefinition: 'variable|:type|=defaultValue| directives',
  SelectionSet: '{selections}',
  Field: 'alias:|name|(arguments)| directives|selectionSet',
  FragmentSpread: '...name| directives',
  InlineFragment: ' on typeCondition| directives|selectionSet',
  Argument: 'name:|value',
  ObjectField: 'name:|value',
  Directive: '@name|(arguments)',
  Variable: '$name',
  ListType: '[type]',
  NonNullType: 'type!',
  NamedType: 'name',
  ListValue: '[values]',
  ObjectValue: '{fields}',
};

export const printDocument = (document: DocumentNode): string => print(document);

function print(value: unknown): string {
  if (Array.isArray(value)) return value.map(print).join(' ');
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  const node = value as AstNode;
  const layout = layouts[node.kind];
  if (node.kind === 'StringValue') return JSON.stringify(node.value);
  if (node.kind === 'NullValue') return 'null';
  if (layout === undefined) return print(node.value);
  const members = layout.split('|').map((piece) => {
    const [, before, member = '', after] = /^(.*?)(\w+)(\W*)$/.exec(piece) ?? [];
    const text = print(node[member]);
    // Empty lists and objects are values.
    return text === '' && !/^[[{]/.test(piece) ? '' : before + text + after;
  });
  return (node.kind === 'InlineFragment' ? '...' : '') + members.join('');
}
