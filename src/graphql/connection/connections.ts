import type { InterfaceRef, ObjectRef } from '@pothos/core';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../config/limits.ts';
import { type BuilderTypes, builder } from '../builder.ts';
import { itemsOrFinished } from '../execution/finished-lists.ts';
import type { Connection, Edge } from './paging.ts';

const PageInfo = builder.simpleObject('PageInfo', {
  description: 'Where a page stands in its list.',
  fields: (t) => ({
    hasNextPage: t.boolean({ description: 'Whether there are items behind this page.' }),
    hasPreviousPage: t.boolean({ description: 'Whether there are items in front of this page.' }),
    startCursor: t.string({
      nullable: true,
      description: 'Cursor of the first item; as `before` it leads to the page in front. Null on an empty page.',
    }),
    endCursor: t.string({
      nullable: true,
      description: 'Cursor of the last item; as `after` it leads to the page behind. Null on an empty page.',
    }),
  }),
});

/** The four arguments of every list that pages in both directions. */
export const connectionArguments = builder.args((t) => ({
  first: t.int({
    description: `How many items, from the front: 1 to ${MAX_PAGE_SIZE}. Without \`first\` and \`last\` it is ${DEFAULT_PAGE_SIZE}.`,
  }),
  after: t.string({ description: 'Only items behind this cursor.' }),
  last: t.int({ description: `How many items, from the end: 1 to ${MAX_PAGE_SIZE}. Not together with \`first\`.` }),
  before: t.string({ description: 'Only items in front of this cursor.' }),
}));

type NodeRef<Item> = ObjectRef<BuilderTypes, Item> | InterfaceRef<BuilderTypes, Item>;

/** The edge type of a list, to which further fields can be added. */
export function defineEdge<Item extends object>(name: string, plural: string, node: NodeRef<Item>) {
  // Of a type parameter the builder can not tell whether it is a list.
  const type: NodeRef<object> = node;
  return builder.objectRef<Edge<Item>>(`${name}Edge`).implement({
    description: `One of the ${plural} of a page, with its place in the list.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'Place in the list; goes into `after` or `before`.' }),
      node: t.field({ type, description: 'The item itself.', resolve: (edge) => edge.node }),
    }),
  });
}

export function defineConnection<Item extends object, ItemEdge extends Edge<Item>>(
  name: string,
  plural: string,
  node: NodeRef<Item>,
  edge: ObjectRef<BuilderTypes, ItemEdge>,
) {
  return builder.objectRef<Connection<ItemEdge>>(`${name}Connection`).implement({
    description: `A page of ${plural}.`,
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: 'The items with their cursors.',
        resolve: ({ edges }, _args, context, info) => itemsOrFinished(edges, context, info),
      }),
      nodes: t.field({
        type: [node],
        description: 'The items alone.',
        resolve: ({ edges }, _args, context, info) => {
          const items = edges.map((each) => each.node);
          return itemsOrFinished(items, context, info);
        },
      }),
      pageInfo: t.field({ type: PageInfo, description: 'Where the page stands.', resolve: ({ pageInfo }) => pageInfo }),
    }),
  });
}
