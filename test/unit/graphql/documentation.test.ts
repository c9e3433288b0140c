import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';

const folder = join(import.meta.dirname, '../../../docs');

test('the GraphQL documents of the documentation are valid', () => {
  const documents = readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      return [...text.matchAll(/^```graphql\n(.*?)^```$/gms)].map(([, document = '']) => ({ name, document }));
    });
  expect(documents.length).toBeGreaterThan(0);
  for (const { name, document } of documents) {
    expect([name, validate(schema, parse(document)).map(({ message }) => message)]).toEqual([name, []]);
  }
});
