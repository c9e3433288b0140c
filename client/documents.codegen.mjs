// A plugin of graphql-codegen: writes each operation as a string constant with the types of its data and variables. The text has
// its fragments and no white space that means nothing, because pages download it.
import { print, stripIgnoredCharacters, visit } from 'graphql';

/** The fragments that a definition uses, directly or through other fragments. */
function fragmentsOf(definition, fragments, found = new Map()) {
  visit(definition, {
    FragmentSpread({ name: { value } }) {
      if (found.has(value)) return;
      found.set(value, fragments.get(value));
      fragmentsOf(fragments.get(value), fragments, found);
    },
  });
  return found;
}

export function plugin(_schema, files) {
  const definitions = files.flatMap(({ document }) => document.definitions);
  const fragments = new Map(
    definitions.filter(({ kind }) => kind === 'FragmentDefinition').map((each) => [each.name.value, each]),
  );
  const constants = definitions
    .filter(({ kind }) => kind === 'OperationDefinition')
    .map((operation) => {
      const { value: name } = operation.name;
      const kind = operation.operation[0].toUpperCase() + operation.operation.slice(1);
      const texts = [operation, ...fragmentsOf(operation, fragments).values()].map(print);
      const text = stripIgnoredCharacters(texts.join('\n')).replaceAll("'", "\\'");
      return `export const ${name}Document = '${text}' as Document<${name}${kind}, ${name}${kind}Variables>;`;
    });
  return {
    prepend: ["import type { Document } from '../document.ts';"],
    content: constants.join('\n'),
  };
}
