import { kindOfId } from '../ids.ts';
import { builder } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import { badUserInput } from './public-errors.ts';

/** Ids that one `nodes` takes. */
const MAX_NODES = 100;

type TypeName = 'Session' | 'Run' | 'Approval' | 'Agent' | 'Memory' | 'CompactionArtifact' | 'ToolGrant';

/** The type is read off the id, which says what kind of thing it names. */
function typeNameOf(id: string): TypeName | null {
  switch (kindOfId(id)) {
    case 'session':
      return 'Session';
    case 'run':
      return 'Run';
    case 'approval':
      return 'Approval';
    case 'agent':
      return 'Agent';
    case 'memory':
      return 'Memory';
    case 'artifact':
      return 'CompactionArtifact';
    case 'grant':
      return 'ToolGrant';
    default:
      return null;
  }
}

export const Node = builder.interfaceRef<{ id: string }>('Node').implement({
  description: 'A thing that can be found again by its id alone.',
  resolveType: ({ id }) => typeNameOf(id),
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'Says by its prefix what kind of thing it names, and sorts by time of creation.',
    }),
  }),
});

async function loadNode({ loaders }: GraphqlContext, id: string): Promise<{ id: string } | null> {
  switch (typeNameOf(id)) {
    case 'Session':
      return loaders.session.load(id);
    case 'Run':
      return loaders.run.load(id);
    case 'Approval':
      return loaders.approval.load(id);
    case 'Agent':
      return loaders.agent.load(id);
    case 'Memory':
      return loaders.memory.load(id);
    case 'ToolGrant':
      return loaders.grant.load(id);
    case 'CompactionArtifact':
      return loaders.artifact.load(id);
    case null:
      return null;
  }
}

builder.queryFields((t) => ({
  node: t.field({
    type: Node,
    nullable: true,
    description: 'Anything by its id; null where there is no such thing or where it belongs to somebody else.',
    args: { id: t.arg.id({ required: true, description: 'Id of the thing.' }) },
    resolve: (_root, { id }, context) => loadNode(context, id),
  }),
  nodes: t.field({
    type: [Node],
    nullable: { list: false, items: true },
    description: `Many things by their ids, in the order of the ids; null in the place of one that is absent. At most ${MAX_NODES} ids.`,
    args: { ids: t.arg.idList({ required: true, description: 'Ids of the things.' }) },
    resolve(_root, { ids }, context) {
      if (ids.length > MAX_NODES)
        throw badUserInput(`\`ids\` takes at most ${MAX_NODES} ids; there are ${ids.length}.`);
      return ids.map((id) => loadNode(context, id));
    },
  }),
}));
