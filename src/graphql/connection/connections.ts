import type { ImplementableObjectRef, InterfaceRef, ObjectRef } from '@pothos/core';
import { DEFAULT_PAGE_ITEMS, MAX_PAGE_ITEMS } from '../../config/limits.ts';
import { type BuilderTypes, builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import type { completeList } from '../execution/complete-list.ts';
import type { Connection, Edge } from './paging.ts';
import type { CountedConnection } from './total-count.ts';

const PageInfo = builder.simpleObject('PageInfo', {
  description: 'Position of a page in its list.',
  fields: (t) => ({
    hasNextPage: t.boolean({ description: 'Whether there are items after this page.' }),
    hasPreviousPage: t.boolean({ description: 'Whether there are items before this page.' }),
    startCursor: t.string({
      nullable: true,
      description: 'Cursor of the first item. Pass it as `before` to get the previous page. Null on an empty page.',
    }),
    endCursor: t.string({
      nullable: true,
      description: 'Cursor of the last item. Pass it as `after` to get the next page. Null on an empty page.',
    }),
  }),
});

/** The four arguments of every list that can be paged in both directions. */
export const connectionArguments = builder.args((t) => ({
  first: t.int({
    description: `Number of items, counted from the start: 1 to ${MAX_PAGE_ITEMS}. Defaults to ${DEFAULT_PAGE_ITEMS} if \`last\` is not given either.`,
  }),
  after: t.string({ description: 'Only items after this cursor.' }),
  last: t.int({
    description: `Number of items, counted from the end: 1 to ${MAX_PAGE_ITEMS}. Not together with \`first\`.`,
  }),
  before: t.string({ description: 'Only items before this cursor. On its own, the page that ends at the cursor.' }),
}));

type NodeRef<Item> = ObjectRef<BuilderTypes, Item> | InterfaceRef<BuilderTypes, Item>;

export const CURSOR_DESCRIPTION = 'Opaque position of the item in the list. Pass it as `after` or `before`.';

/** Defines the edge type of a list. */
export function defineEdge<Item extends object>(name: string, plural: string, node: NodeRef<Item>) {
  // The builder cannot tell whether a type parameter is a list.
  const type: NodeRef<object> = node;
  return builder.objectRef<Edge<Item>>(`${name}Edge`).implement({
    description: `An item of a page of ${plural}, with its cursor.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: CURSOR_DESCRIPTION }),
      node: t.field({ type, description: 'The item.', resolve: (edge) => edge.node }),
    }),
  });
}

/** Defines the page type of a list. */
export function defineConnection<Item extends object, ItemEdge extends Edge<Item>>(
  name: string,
  plural: string,
  node: NodeRef<Item>,
  edge: ObjectRef<BuilderTypes, ItemEdge>,
  resolveList?: typeof completeList,
) {
  const connection = builder.objectRef<Connection<ItemEdge>>(`${name}Connection`);
  implementConnection(connection, plural, { node, edge, resolveList });
  return connection;
}

/** Defines the page type of a list whose items can be counted. */
export function defineCountedConnection<Item extends object, ItemEdge extends Edge<Item>>(
  name: string,
  plural: string,
  node: NodeRef<Item>,
  edge: ObjectRef<BuilderTypes, ItemEdge>,
) {
  const connection = builder.objectRef<CountedConnection<ItemEdge>>(`${name}Connection`);
  implementConnection(connection, plural, { node, edge });
  builder.objectFields(connection, (t) => ({
    totalCount: t.int({
      description: `Number of ${plural} in the whole list, at most the limit \`countedItems\` in \`Gateway.limits\`. They are counted only if this field or \`totalCountIsExact\` is selected.`,
      resolve: async (page) => (await page.count()).items,
    }),
    totalCountIsExact: t.boolean({
      description: `Whether the list has no more ${plural} than \`totalCount\`.`,
      resolve: async (page) => (await page.count()).isExact,
    }),
  }));
  return connection;
}

interface ConnectionParts<Item extends object, ItemEdge extends Edge<Item>> {
  node: NodeRef<Item>;
  edge: ObjectRef<BuilderTypes, ItemEdge>;
  resolveList?: typeof completeList | undefined;
}

function implementConnection<Item extends object, ItemEdge extends Edge<Item>, Page extends Connection<ItemEdge>>(
  connection: ImplementableObjectRef<BuilderTypes, Page>,
  plural: string,
  { node, edge, resolveList = (items) => items }: ConnectionParts<Item, ItemEdge>,
): void {
  connection.implement({
    description: `A page of ${plural}.`,
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: 'The items with their cursors, in the order of the list.',
        resolve: ({ edges }, _args, context, info) => inTurn(context, () => resolveList(edges, context, info)),
      }),
      nodes: t.field({
        type: [node],
        description: 'The items without cursors, in the order of the list.',
        resolve: ({ edges }, _args, context, info) =>
          inTurn(context, () => {
            const items = edges.map((each) => each.node);
            return resolveList(items, context, info);
          }),
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: 'Position of the page in the list.',
        resolve: ({ pageInfo }) => pageInfo,
      }),
    }),
  });
}

/** Without a promise for most operations. */
function inTurn<Result>({ nextTurn }: GraphqlContext, work: () => Result): Result | Promise<Result> {
  return nextTurn ? nextTurn().then(work) : work();
}
