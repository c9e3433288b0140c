/** A node of a parsed GraphQL document, as graphql-js and its tags write it. */
interface AstNode {
  readonly kind: string;
  readonly [member: string]: unknown;
}

export interface DocumentNode {
  readonly kind: 'Document';
  readonly definitions: readonly unknown[];
}

/** The text of a document that is a text, an object with a text, or a parsed document. */
export function textOfDocument(document: string | { toString(): string } | DocumentNode): string {
  if (typeof document === 'string') return document;
  return 'definitions' in document ? print(document as unknown as AstNode) : document.toString();
}

type Printed = string | number | boolean | AstNode | readonly AstNode[] | null | undefined;

/** Prints an executable document. The printer of graphql-js takes more bytes than the rest of a page's client. */
function print(value: Printed): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(print).join(' ');
  return printNode(value as AstNode);
}

const wrap = (open: string, value: Printed, close: string) => {
  const text = print(value);
  return text === '' ? '' : `${open}${text}${close}`;
};

function printNode(node: AstNode): string {
  const of = (member: string) => print(node[member] as Printed);
  const wrapped = (open: string, member: string, close = '') => wrap(open, node[member] as Printed, close);
  switch (node.kind) {
    case 'Document':
      return of('definitions');
    case 'OperationDefinition':
      return `${of('operation')} ${of('name')}${wrapped('(', 'variableDefinitions', ')')} ${of('directives')}${of('selectionSet')}`;
    case 'FragmentDefinition':
      return `fragment ${of('name')} on ${of('typeCondition')} ${of('directives')}${of('selectionSet')}`;
    case 'VariableDefinition':
      return `${of('variable')}:${of('type')}${wrapped('=', 'defaultValue')} ${of('directives')}`;
    case 'SelectionSet':
      return `{${of('selections')}}`;
    case 'Field':
      return `${wrapped('', 'alias', ':')}${of('name')}${wrapped('(', 'arguments', ')')}${wrapped(' ', 'directives')}${of('selectionSet')}`;
    case 'FragmentSpread':
      return `...${of('name')}${wrapped(' ', 'directives')}`;
    case 'InlineFragment':
      return `...${wrapped('on ', 'typeCondition')} ${of('directives')}${of('selectionSet')}`;
    case 'Argument':
    case 'ObjectField':
      return `${of('name')}:${of('value')}`;
    case 'Directive':
      return `@${of('name')}${wrapped('(', 'arguments', ')')}`;
    case 'Variable':
      return `$${of('name')}`;
    case 'ListType':
      return `[${of('type')}]`;
    case 'NonNullType':
      return `${of('type')}!`;
    case 'NamedType':
      return of('name');
    case 'ListValue':
      return `[${of('values')}]`;
    case 'ObjectValue':
      return `{${of('fields')}}`;
    case 'StringValue':
      return JSON.stringify(node.value);
    case 'NullValue':
      return 'null';
    default:
      // Names and the other values.
      return of('value');
  }
}
