import SchemaBuilder from '@pothos/core';
import SimpleObjectsPlugin from '@pothos/plugin-simple-objects';
import type { Json } from '../domain/events.ts';
import type { GraphqlContext } from './context.ts';

/** Collects the types; each noun's files add theirs, and `schema.ts` puts them together. */
export const builder = new SchemaBuilder<{
  Context: GraphqlContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: Json; Output: unknown };
  };
}>({ plugins: [SimpleObjectsPlugin], defaultFieldNullability: false });

/** The types that the builder knows; for functions that take any of them. */
export type BuilderTypes = typeof builder.$inferSchemaTypes;

builder.queryType({ description: 'Reading. Everything is limited to what belongs to the viewer.' });
builder.mutationType({
  description:
    'Changing. Each field takes one `input` and answers with its success type or with an error that the caller can act on.',
});
builder.subscriptionType({
  description: 'Following what happens. A stream that was cut off continues from its last cursor without a gap.',
});
