// Tells Stryker to leave the text of `.describe("…")` alone: it is a comment on a member of a schema, and nothing reads it.
const descriptions = {
  shouldIgnore({ node, parent }) {
    const isDescription =
      parent?.type === 'CallExpression' &&
      parent.callee.type === 'MemberExpression' &&
      parent.callee.property.name === 'describe' &&
      parent.arguments.includes(node);
    return isDescription ? 'the description of a schema' : undefined;
  },
};

export const strykerPlugins = [{ kind: 'Ignore', name: 'descriptions', value: descriptions }];
