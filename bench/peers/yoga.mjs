// @ts-check
// graphql-yoga with its defaults: a schema, and node:http.
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { listen } from '../processes/listening.mjs';

const yoga = createYoga({
  schema: createSchema({
    typeDefs: 'type Query { viewer: Viewer! } type Viewer { principal: String! scopes: [String!]! }',
    resolvers: { Query: { viewer: () => ({ principal: 'bench', scopes: ['read'] }) } },
  }),
});
listen(createServer(yoga), '/graphql');
