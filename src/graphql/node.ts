import type { RecordedEvent } from '../domain/events.ts';
import { kindOfId } from '../ids.ts';
import { builder } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import type { RowKind } from './loaders.ts';
import { badUserInput } from './public-errors.ts';
import { eventAt, eventId, eventTypeNames, parseEventId } from './tape/event-node.ts';

/** Ids that one `nodes` field accepts. */
const MAX_NODES = 100;

const typeNames: Readonly<Record<RowKind, string>> = {
  session: 'Session',
  run: 'Run',
  approval: 'Approval',
  clientToolCall: 'ClientToolCall',
  question: 'Question',
  budgetRequest: 'BudgetRequest',
  agent: 'Agent',
  memory: 'Memory',
  compaction: 'CompactionArtifact',
  grant: 'ToolGrant',
  attachment: 'Attachment',
};

/** The kind of row that an id names; null for an id of something that is not a node, and for other text. */
function nodeKindOf(id: string): RowKind | null {
  const kind = kindOfId(id);
  return kind !== null && isNodeKind(kind) ? kind : null;
}

const isNodeKind = (kind: string): kind is RowKind => Object.hasOwn(typeNames, kind);

/** A row with an id of its own, or an event. */
type AnyNode = { id: string } | RecordedEvent;

export const Node = builder.interfaceRef<AnyNode>('Node').implement({
  description: 'An object that can be fetched again by its id.',
  resolveType(node) {
    if ('seq' in node) return eventTypeNames[node.type];
    const kind = nodeKindOf(node.id);
    return kind === null ? null : typeNames[kind];
  },
  fields: (t) => ({
    id: t.id({
      description:
        'Unique among all objects. The prefix names the kind of object; ids of one kind sort by time of creation.',
      resolve: (node) => ('seq' in node ? eventId(node) : node.id),
    }),
  }),
});

async function loadNode({ loaders, follow }: GraphqlContext, id: string): Promise<AnyNode | null> {
  const position = parseEventId(id);
  if (position !== null) return (await loaders.run.load(position.runId)) && eventAt(follow, position);
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
