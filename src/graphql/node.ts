import { kindOfId } from '../ids.ts';
import { builder } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import type { RowKind } from './loaders.ts';
import { badUserInput } from './public-errors.ts';

/** Ids that one `nodes` field accepts. */
const MAX_NODES = 100;

const typeNames: Readonly<Record<RowKind, string>> = {
  session: 'Session',
  run: 'Run',
  approval: 'Approval',
  agent: 'Agent',
  memory: 'Memory',
  compaction: 'CompactionArtifact',
  grant: 'ToolGrant',
};

/** The kind of row that an id names; null for an id of something that is not a node, and for other text. */
function nodeKindOf(id: string): RowKind | null {
  const kind = kindOfId(id);
  return kind !== null && isNodeKind(kind) ? kind : null;
}

const isNodeKind = (kind: string): kind is RowKind => Object.hasOwn(typeNames, kind);

export const Node = builder.interfaceRef<{ id: string }>('Node').implement({
  description: 'An object that can be fetched again by its id.',
  resolveType({ id }) {
    const kind = nodeKindOf(id);
    return kind === null ? null : typeNames[kind];
  },
  fields: (t) => ({
    id: t.exposeID('id', {
      description:
        'Unique among all objects. The prefix names the kind of object; ids of one kind sort by time of creation.',
    }),
  }),
});

async function loadNode({ loaders }: GraphqlContext, id: string): Promise<{ id: string } | null> {
  const kind = nodeKindOf(id);
  return kind === null ? null : loaders[kind].load(id);
}

builder.queryFields((t) => ({
  node: t.field({
    type: Node,
    nullable: true,
    description: 'The object with this id; null if it does not exist or the viewer may not see it.',
    args: { id: t.arg.id({ required: true, description: 'Id of the object.' }) },
    resolve: (_root, { id }, context) => loadNode(context, id),
  }),
  nodes: t.field({
    type: [Node],
    nullable: { list: false, items: true },
    description: `The objects with these ids, in the order of the ids; null for each that does not exist or that the viewer may not see. At most ${MAX_NODES} ids.`,
    args: { ids: t.arg.idList({ required: true, description: 'Ids of the objects.' }) },
    resolve(_root, { ids }, context) {
      if (ids.length > MAX_NODES)
        throw badUserInput(`\`ids\` has ${ids.length} entries, but at most ${MAX_NODES} are allowed. Send fewer ids.`);
      return ids.map((id) => loadNode(context, id));
    },
  }),
}));
