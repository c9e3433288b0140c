// A plugin of graphql-codegen: writes each operation as a string constant with the types of its data and variables. The texts have no
// white space that means nothing, and share their fragments, because pages download them.
import { print, stripIgnoredCharacters, visit } from 'graphql';

/** The fragments that a definition uses, directly or through other fragments. */
function fragmentsOf(definition, fragments, found = new Set()) {
  visit(definition, {
    FragmentSpread({ name: { value } }) {
      if (found.has(value)) return;
      found.add(value);
      fragmentsOf(fragments.get(value), fragments, found);
    },
  });
  return [...found];
}

const textOf = (definition) => `'${stripIgnoredCharacters(print(definition)).replaceAll("'", "\\'")}'`;

export function plugin(_schema, files) {
  const definitions = files.flatMap(({ document }) => document.definitions);
  const isFragment = ({ kind }) => kind === 'FragmentDefinition';
  const fragments = new Map(definitions.filter(isFragment).map((each) => [each.name.value, each]));
  const constants = [...fragments].map(([name, fragment]) => `const ${name}Text = ${textOf(fragment)};`);
  for (const operation of definitions.filter((each) => !isFragment(each))) {
    const { value: name } = operation.name;
    const kind = operation.operation[0].toUpperCase() + operation.operation.slice(1);
    const texts = [textOf(operation), ...fragmentsOf(operation, fragments).map((each) => `${each}Text`)].join(', ');
    // The comment lets bundlers leave out the operations that a page does not use.
    const call = `/* @__PURE__ */ join<${name}${kind}, ${name}${kind}Variables>(${texts})`;
    constants.push(`export const ${name}Document = ${call};`);
  }
  const join = 'const join = <Data, Variables>(...texts: string[]) => texts.join("") as Document<Data, Variables>;';
  return { prepend: ["import type { Document } from '../document.ts';", join], content: constants.join('\n') };
}
