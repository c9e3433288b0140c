import SchemaBuilder from '@pothos/core';
import SimpleObjectsPlugin from '@pothos/plugin-simple-objects';
import type { Json } from '../domain/events.ts';
import type { GraphqlContext } from './context.ts';

/** Collects the types that the files of each noun define; `schema.ts` builds the schema from it. */
export const builder = new SchemaBuilder<{
  Context: GraphqlContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: Json; Output: unknown };
  };
}>({ plugins: [SimpleObjectsPlugin], defaultFieldNullability: false });

/** The type parameters of the builder, for functions that take a reference to any of its types. */
export type BuilderTypes = typeof builder.$inferSchemaTypes;

builder.queryType({
  description: 'Reads. Results contain only what belongs to the viewer, unless a field says otherwise.',
});
builder.mutationType({
  description:
    'Changes. Each field takes one `input` and returns its success type or an error type that the caller can act on.',
});
builder.subscriptionType({
  description: 'Live streams. A stream of events resumes from the last cursor received, without a gap or a duplicate.',
});
